import Monitor
import NIOHTTP1

/// An answer that says why there is no other.
struct ControlError: Error, Sendable {
    var status: HTTPResponseStatus
    var error: FeedError
    var headers = HTTPHeaders()
    /// Milliseconds that it is held back, so that guessing takes time.
    var delay: Int64 = 0

    init(_ status: HTTPResponseStatus, _ code: FeedError.Code, _ words: String, headers: HTTPHeaders = [:]) {
        self.status = status
        self.error = FeedError(code, words)
        self.headers = headers
    }

    /// What a feed said.
    init(_ error: FeedError) {
        self.error = error
        self.status =
            switch error.code {
            case .invalid: .badRequest
            case .denied: .forbidden
            case .gone: .notFound
            case .unsupported: .notImplemented
            case .unavailable: .serviceUnavailable
            }
    }

    /// - Parameter error: of a feed, or what kept it from answering.
    init(_ error: any Error) {
        switch error {
        case let refusal as ControlError: self = refusal
        case let error as FeedError: self.init(error)
        default: self.init(FeedError(.unavailable, "\(error)"))
        }
    }

    init(_ error: HTTPParserError) {
        switch error {
        case .headerOverflow:
            self.init(
                .requestHeaderFieldsTooLarge, .invalid,
                "the header has more than \(ControlLimits.headerOctets) octets or \(ControlLimits.headerFields) fields")
        default: self.init(.badRequest, .invalid, "this is no request of HTTP/1.1: \(error)")
        }
    }

    static let bodyTooLarge = ControlError(
        .payloadTooLarge, .invalid, "a body has \(ControlLimits.bodyOctets) octets at most: send several")
    static let noJSON = ControlError(
        .unsupportedMediaType, .invalid, "a body is JSON: send it with Content-Type: application/json")
}

/// What a client may take up.
enum ControlLimits {
    /// Connections at a time through each entrance.
    static let connections = 100
    static let headerOctets = 32 << 10
    static let headerFields = 64
    /// Room for 10,000 references.
    static let bodyOctets = 1 << 20
    /// Seconds in which a request comes, and in which an answer is taken.
    static let patience: Int64 = 60
    /// Seconds for which what a refused client still sends is read past, so that it sees why.
    static let farewell: Int64 = 2
    /// Seconds of silence in a stream before a line that says nothing.
    static let heartbeat: Int64 = 15
    /// Seconds for which a stream's reader may stop reading.
    static let sleep: Int64 = 600
}
