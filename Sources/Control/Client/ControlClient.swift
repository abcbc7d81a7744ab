import AsyncHTTPClient
import Foundation
import Monitor
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// Makes the calls of one daemon over HTTP. What it holds goes with it.
final class ControlClient: Sendable {
    /// How long an answer may take that changes nothing, and one to an action, which may be about a million recipients.
    private static let patience = (read: TimeAmount.seconds(15), action: TimeAmount.seconds(120))
    /// The daemon says something on a stream at least every quarter of a minute.
    private static let silence = TimeAmount.seconds(40)
    private static let answerLimit = 64 << 20
    private static let refusalLimit = 64 << 10

    private let address: DaemonAddress
    /// What every request's URL begins with.
    let origin: String
    private let tunnel: SSHTunnel?
    private let token: String?
    private let http: HTTPClient
    /// How often the daemon's changes are followed. Who is told of them takes answers that others were given since.
    let followers = Atomic<Int>(0)

    /// - Parameters:
    ///   - token: shown to the daemon; `nil`: a socket knows who opened it.
    ///   - authorities: PEM file of those whose certificates are believed; `nil`: those of this machine.
    ///   - tunnel: leads to a daemon elsewhere.
    init(_ address: DaemonAddress, token: String?, authorities: String?, tunnel: SSHTunnel? = nil) {
        self.address = address
        self.tunnel = tunnel
        self.origin = address.origin(through: tunnel)
        self.token = token
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv12
        if let authorities { tls.trustRoots = .file(authorities) }
        var configuration = HTTPClient.Configuration(tlsConfiguration: tls, redirectConfiguration: .disallow)
        configuration.timeout = .init(connect: .seconds(5), read: Self.silence)
        configuration.httpVersion = .http1Only
        // A connection is given up before the daemon does so.
        configuration.connectionPool.idleTimeout = .seconds(10)
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 6
        // Who asks again is who shows the answer, so that the operator sees at once that there is none.
        configuration.connectionPool.retryConnectionEstablishment = false
        self.http = HTTPClient(
            eventLoopGroupProvider: .shared(MultiThreadedEventLoopGroup.singleton), configuration: configuration)
    }

    deinit { self.http.shutdown { _ in } }

    /// - Throws: ``FeedError``: the daemon's own; `.unavailable` when there is no answer, with what to do; `.denied`.
    func answer<Call: ControlCall>(to call: Call) async throws -> Call.Answer {
        let request = try self.request(for: Call.route, try call.arguments)
        let patience = Call.route.role == .observer ? Self.patience.read : Self.patience.action
        do {
            let body = try await self.body(of: request, isRepeatable: Call.route.method == .get, within: patience)
            return try JSONDecoder().decode(Call.Answer.self, from: body)
        } catch {
            throw self.feedError(error, patience)
        }
    }

    /// Follows a stream until it ends.
    ///
    /// - Parameters:
    ///   - last: the name of the last event that was had, of an earlier connection.
    ///   - begun: called when the daemon has taken the request: what happens from now on is told.
    ///   - take: the next event is read when it returns.
    /// - Throws: as ``answer(to:)``; and what `take` throws.
    func follow<Stream: ControlStream>(
        _ stream: Stream, after last: String? = nil, begun: () -> Void = {},
        _ take: (NamedEvent<Stream.Event>) async throws -> Void
    ) async throws {
        var request = try self.request(for: Stream.route, try stream.arguments)
        request.headers.replaceOrAdd(name: "accept", value: "text/event-stream")
        if let last { request.headers.add(name: "last-event-id", value: last) }
        do {
            let response = try await self.http.execute(request, deadline: .distantFuture)
            try await self.check(response)
            begun()
            var reader = EventReader()
            for try await octets in response.body {
                for event in try reader.events(in: octets) {
                    let data = Data(event.data.utf8)
                    guard event.kind != "error" else { throw try Self.refusal(data) }
                    try await take(
                        NamedEvent(try JSONDecoder().decode(Stream.Event.self, from: data), name: event.name))
                }
            }
        } catch {
            throw self.feedError(error, Self.silence)
        }
    }

    // MARK: HTTP

    private func request(for route: ControlRoute, _ arguments: CallArguments) throws -> HTTPClientRequest {
        var request = HTTPClientRequest(url: self.origin + ControlTarget.text(of: route, arguments))
        request.method = HTTPMethod(rawValue: route.method.rawValue)
        // A socket has no name, and a request of HTTP/1.1 has to say one (RFC 9112 §3.2).
        if self.origin.hasPrefix("http+unix:") { request.headers.add(name: "host", value: "localhost") }
        request.headers.add(name: "accept", value: "application/json")
        if route.method == .get, self.followers.load(ordering: .relaxed) > 0 {
            request.headers.add(name: "cache-control", value: "max-age=1")
        }
        if let token { request.headers.add(name: "authorization", value: "Bearer \(token)") }
        if !arguments.body.isEmpty {
            request.headers.add(name: "content-type", value: "application/json")
            request.body = .bytes(arguments.body)
        }
        return request
    }

    /// - Parameter isRepeatable: it may be asked twice without doing anything twice.
    private func body(
        of request: HTTPClientRequest, isRepeatable: Bool, within patience: TimeAmount
    ) async throws -> Data {
        do {
            let response = try await self.http.execute(request, deadline: .now() + patience)
            try await self.check(response)
            return Data(try await response.body.collect(upTo: Self.answerLimit).readableBytesView)
        } catch let error as HTTPClientError where error == .remoteConnectionClosed && isRepeatable {
            // A connection that had been kept was closed just then; on another one it is known whether there is a daemon.
            return try await self.body(of: request, isRepeatable: false, within: patience)
        }
    }

    private func check(_ response: HTTPClientResponse) async throws {
        guard response.status != .ok else { return }
        let body = try await response.body.collect(upTo: Self.refusalLimit)
        if response.status == .unauthorized, self.token == nil {
            throw FeedError(
                .denied, "\(self.address) wants a token: name its file with --token-file, or set HOPTOP_TOKEN")
        }
        if let refusal = try? Self.refusal(Data(body.readableBytesView)) { throw refusal }
        switch response.status {
        case .unauthorized, .forbidden: throw FeedError(.denied, "\(self.address) does not let this be done")
        case .notFound, .methodNotAllowed, .notImplemented:
            throw FeedError(.unsupported, "\(self.address) does not know this call: it may be another version")
        default: throw FeedError(.unavailable, "\(self.address) answers HTTP \(response.status.code)")
        }
    }

    /// The daemon's own words, which a terminal may be given.
    private static func refusal(_ json: Data) throws -> FeedError {
        var error = try JSONDecoder().decode(FeedError.self, from: json)
        error.description = SafeText(error.description).description
        return error
    }

    // MARK: Words

    private func feedError(_ error: any Error, _ patience: TimeAmount) -> any Error {
        switch error {
        case is FeedError, is CancellationError: return error
        case is DecodingError:
            return FeedError(.unavailable, "\(self.address) answers what is not understood: it may be another version")
        case is NIOTooManyBytesError: return FeedError(.unavailable, "\(self.address) answers more than is sensible")
        case let error as HTTPClientError: return self.feedError(error, patience)
        default: break
        }
        switch (self.address, (error as? IOError)?.errnoCode) {
        case (.ssh(let place), ECONNRESET), (.ssh(let place), EPIPE): return Self.nobody(at: place)
        case (.ssh, ENOENT), (.ssh, ECONNREFUSED): return FeedError(.unavailable, self.tunnel?.words ?? "no tunnel")
        case (.socket(let path), ENOENT), (.socket(let path), ECONNREFUSED):
            return FeedError(
                .unavailable, "no hoptop serve listens at \(path): start it, or name another place with --to")
        case (.socket(let path), EACCES):
            return FeedError(.denied, "\(path) may not be opened: become its owner or a member of its group")
        case (.host, ECONNREFUSED):
            return FeedError(.unavailable, "nobody listens at \(self.address): is [control] listen set there?")
        default: break
        }
        let words = "\(error)"
        if words.contains("CERTIFICATE_VERIFY_FAILED") {
            return FeedError(
                .unavailable, "no authority stands for the certificate of \(self.address): name its own with --ca FILE")
        }
        if words.contains("NO_CERTIFICATE_OR_CRL_FOUND") {
            return FeedError(.invalid, "the file of the authorities holds no certificate: name a PEM file with --ca")
        }
        if (error as? NIOSSLExtraError) == .failedToValidateHostname {
            return FeedError(.unavailable, "the certificate of \(self.address) is for another name")
        }
        return FeedError(.unavailable, "\(self.address) does not answer: \(SafeText(String(words.prefix(200))))")
    }

    /// ssh takes what it cannot hand on.
    private static func nobody(at place: SSHPlace) -> FeedError {
        FeedError(.unavailable, "no hoptop serve listens at \(place.socket) of \(place.host): start it there")
    }

    private func feedError(_ error: HTTPClientError, _ patience: TimeAmount) -> any Error {
        switch error {
        case .cancelled: CancellationError()
        case .deadlineExceeded, .readTimeout:
            FeedError(.unavailable, "\(self.address) does not answer within \(patience.nanoseconds / 1_000_000_000) s")
        case .connectTimeout: FeedError(.unavailable, "\(self.address) cannot be reached within 5 s")
        case .remoteConnectionClosed:
            if case .ssh(let place) = self.address {
                Self.nobody(at: place)
            } else {
                FeedError(.unavailable, "\(self.address) went away")
            }
        default: FeedError(.unavailable, "\(self.address) does not answer: \(error.shortDescription)")
        }
    }
}

extension DaemonAddress {
    fileprivate func origin(through tunnel: SSHTunnel?) -> String {
        switch self {
        case .socket(let path): "http+unix://\(ControlTarget.encoded(path))"
        case .ssh: "http+unix://\(ControlTarget.encoded(tunnel?.socket ?? ""))"
        case .host: self.description
        }
    }
}
