/// The client's side of one SASL exchange (RFC 4422 §3) as a value. Octets are as SASL has them, before base64.
public protocol SASLClient: Sendable {
    /// The mechanism in upper case, as AUTH names it.
    var mechanism: String { get }
    /// Goes out with AUTH; `nil` where the server speaks first.
    var initialResponse: [UInt8]? { get }
    /// Whether a server that reports success now is to be believed. A mechanism in which the server proves itself says no
    /// until it has.
    var believesSuccess: Bool { get }

    /// - Returns: what to answer.
    /// - Throws: when the exchange cannot go on; the reason has no secret in it.
    mutating func answer(to challenge: [UInt8]) throws -> [UInt8]
}

/// Why an exchange cannot go on.
public enum SASLClientError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The server asks for more than the mechanism has to say.
    case unexpectedChallenge(mechanism: String)
    public var description: String {
        switch self {
        case .unexpectedChallenge(let mechanism): "the server asks for more than \(mechanism) has to say"
        }
    }
}

/// PLAIN (RFC 4616): user and password in one message.
public struct PlainClient: SASLClient {
    public let mechanism = "PLAIN"
    public let initialResponse: [UInt8]?
    public let believesSuccess = true

    /// - Returns: `nil` when one of them is empty or holds a NUL, which the message cannot carry (RFC 4616 §2).
    public init?(user: String, password: String) {
        guard !user.isEmpty, !password.isEmpty, !user.utf8.contains(0), !password.utf8.contains(0) else { return nil }
        self.initialResponse = [0] + Array(user.utf8) + [0] + Array(password.utf8)
    }

    public mutating func answer(to challenge: [UInt8]) throws -> [UInt8] {
        throw SASLClientError.unexpectedChallenge(mechanism: self.mechanism)
    }
}

/// LOGIN (draft-murchison-sasl-login): the server asks for the user, then for the password.
public struct LoginClient: SASLClient {
    public let mechanism = "LOGIN"
    public let initialResponse: [UInt8]? = nil
    public let believesSuccess = true
    /// The answers that are left. How servers word their questions differs; their order does not.
    private var answers: [[UInt8]]

    public init(user: String, password: String) { self.answers = [Array(password.utf8), Array(user.utf8)] }

    public mutating func answer(to challenge: [UInt8]) throws -> [UInt8] {
        guard let answer = self.answers.popLast() else {
            throw SASLClientError.unexpectedChallenge(mechanism: self.mechanism)
        }
        return answer
    }
}

/// XOAUTH2, as Google and Microsoft document it: user and access token in one message.
public struct XOAuth2Client: SASLClient {
    public let mechanism = "XOAUTH2"
    public let initialResponse: [UInt8]?
    public let believesSuccess = true
    private var wasChallenged = false

    public init(user: String, token: String) {
        self.initialResponse = Array("user=\(user)\u{1}auth=Bearer \(token)\u{1}\u{1}".utf8)
    }

    /// A challenge says why the token was refused; an empty answer fetches the 535.
    public mutating func answer(to challenge: [UInt8]) throws -> [UInt8] {
        guard !self.wasChallenged else { throw SASLClientError.unexpectedChallenge(mechanism: self.mechanism) }
        self.wasChallenged = true
        return []
    }
}
