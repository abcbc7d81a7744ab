/// A user name and a password in the clear, as PLAIN and LOGIN carry them. Its description hides the password.
public struct Credentials: Equatable, Sendable, CustomStringConvertible {
    /// RFC 4616 §2 asks for 255 octets at least.
    static let userOctets = 255
    public static let passwordOctets = 1024

    public let user: String
    public let password: String

    public var description: String { "credentials of \(self.user)" }

    /// - Throws: ``CredentialsError/malformed`` for what is empty, too long, no UTF-8, or has a NUL in it.
    init(user: some Collection<UInt8>, password: some Collection<UInt8>) throws(CredentialsError) {
        guard 1...Self.userOctets ~= user.count, 1...Self.passwordOctets ~= password.count, !user.contains(0),
            !password.contains(0), let user = String(validating: user, as: UTF8.self),
            let password = String(validating: password, as: UTF8.self)
        else { throw .malformed }
        self.user = user
        self.password = password
    }

    /// Reads the message of PLAIN: authorization identity, NUL, user, NUL, password (RFC 4616 §2).
    public init(plain message: [UInt8]) throws(CredentialsError) {
        let parts = message.split(separator: 0, maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3 else { throw .malformed }
        try self.init(user: parts[1], password: parts[2])
        // Empty means the user's own (§2); acting as somebody else is not offered.
        guard parts[0].isEmpty || parts[0] == parts[1] else { throw .authorizationRefused }
    }
}

/// Why there are no credentials in what the client sent.
public enum CredentialsError: Error, Equatable, Sendable {
    case malformed
    /// The client wants to act as somebody else.
    case authorizationRefused
}

/// The server's side of LOGIN as a value: user name, then password, each asked for (draft-murchison-sasl-login).
public struct LoginExchange: Sendable {
    public enum Step: Equatable, Sendable {
        /// Goes to the client, whose next message is awaited.
        case challenge([UInt8])
        case credentials(Credentials)
    }

    private enum State: Sendable {
        case user  // Next: password.
        case password(user: [UInt8])  // Next: finished.
        case finished
    }
    private var state = State.user

    public init() {}

    /// Goes out first, unless the client sent its name as initial response. Clients compare these texts, so they are
    /// the draft's.
    public static let firstChallenge = Array("Username:".utf8)
    private static let secondChallenge = Array("Password:".utf8)

    /// The client's next message. After the credentials, or an error, the exchange is over.
    public mutating func received(_ message: [UInt8]) throws(CredentialsError) -> Step {
        switch self.state {
        case .user:
            self.state = .password(user: message)
            return .challenge(Self.secondChallenge)
        case .password(let user):
            self.state = .finished
            return .credentials(try Credentials(user: user, password: message))
        case .finished: throw .malformed
        }
    }
}
