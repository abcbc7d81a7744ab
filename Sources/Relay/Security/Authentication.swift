import NIOCore
import NIOPosix
import SASL
import SMTP

/// The SASL exchanges of one session with the users file (RFC 4954): what the machine asks, the file answers.
struct Authentication {
    /// The mechanisms in the order of preference; PLAIN and LOGIN last, since they show us the password.
    static func mechanisms(isBound: Bool) -> [String] {
        (isBound ? [ScramMechanism.sha256Plus.rawValue] : [])
            + [ScramMechanism.sha256.rawValue, "PLAIN", "LOGIN"]
    }

    private enum Exchange {
        case none
        case plain
        case login(LoginExchange)
        case scram(ScramServer)
    }

    private let users: Users
    /// `tls-server-end-point`, under TLS.
    private let endPoint: [UInt8]?
    private var exchange = Exchange.none

    init(users: Users, endPoint: [UInt8]?) {
        self.users = users
        self.endPoint = endPoint
    }

    /// - Parameter threads: passwords are checked there, since that takes milliseconds.
    /// - Returns: what the machine is to be answered; wrong credentials and broken messages alike are a 535.
    mutating func received(
        _ step: SASLStep, threads: NIOThreadPool, on loop: any EventLoop
    ) -> EventLoopFuture<SASLVerdict> {
        do {
            switch step {
            case .begin(let mechanism, let initial):
                let first = try self.begin(mechanism)
                if let initial { return try self.message(initial, threads, loop) }
                return loop.makeSucceededFuture(.challenge(ByteBuffer(bytes: first)))
            case .response(let octets): return try self.message(octets, threads, loop)
            }
        } catch {
            self.exchange = .none
            return loop.makeSucceededFuture(.failed(Self.refusal))
        }
    }

    /// - Returns: the challenge for a client without an initial response.
    private mutating func begin(_ mechanism: String) throws(CredentialsError) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        switch mechanism {
        case "PLAIN":
            self.exchange = .plain
            return []
        case "LOGIN":
            self.exchange = .login(LoginExchange())
            return LoginExchange.firstChallenge
        case ScramMechanism.sha256.rawValue:
            let binding = self.endPoint == nil ? ScramServer.Binding.notOffered : .offered
            self.exchange = .scram(ScramServer(binding, users: self.users, using: &generator))
            return []
        case ScramMechanism.sha256Plus.rawValue:
            guard let endPoint = self.endPoint else { throw .malformed }
            self.exchange = .scram(ScramServer(.required(endPoint), users: self.users, using: &generator))
            return []
        default: throw .malformed
        }
    }

    private mutating func message(
        _ octets: ByteBuffer, _ threads: NIOThreadPool, _ loop: any EventLoop
    ) throws -> EventLoopFuture<SASLVerdict> {
        let octets = Array(octets.readableBytesView)
        switch self.exchange {
        case .none: throw CredentialsError.malformed
        case .plain:
            self.exchange = .none
            return self.check(try Credentials(plain: octets), threads, loop)
        case .login(var exchange):
            switch try exchange.received(octets) {
            case .challenge(let challenge):
                self.exchange = .login(exchange)
                return loop.makeSucceededFuture(.challenge(ByteBuffer(bytes: challenge)))
            case .credentials(let credentials):
                self.exchange = .none
                return self.check(credentials, threads, loop)
            }
        case .scram(var exchange):
            switch try exchange.received(octets) {
            case .challenge(let challenge):
                self.exchange = .scram(exchange)
                return loop.makeSucceededFuture(.challenge(ByteBuffer(bytes: challenge)))
            case .success(let user, let message):
                self.exchange = .none
                return loop.makeSucceededFuture(.succeeded(user: user, finalData: ByteBuffer(bytes: message)))
            }
        }
    }

    private func check(
        _ credentials: Credentials, _ threads: NIOThreadPool, _ loop: any EventLoop
    ) -> EventLoopFuture<SASLVerdict> {
        let users = self.users
        return threads.runIfActive(eventLoop: loop) {
            users.user(for: credentials).map { .succeeded(user: $0) } ?? .failed(Self.refusal)
        }
    }

    /// RFC 4954 §6. It does not say which of the two was wrong.
    private static let refusal = Reply(535, EnhancedStatusCode(5, 7, 8), "Authentication credentials invalid")
}
