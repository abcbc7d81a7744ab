import ArgumentParser
import Foundation
import Mail
import Monitor
import NIOCore
import NIOPosix
import Relay
import SMTP
import Screen

struct SendCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "send", abstract: "Hand a message to any server, and show the dialogue.",
        discussion: """
            To find out what a server does. Without --server the message goes to the relay of the configuration on this \
            machine. The header is completed where From, Date or Message-ID are missing.

            EXAMPLES
              hoptop send --to bob@example.org
              hoptop send --server mx.example.org:25 --to bob@example.org --text hello
              hoptop send --server mail.example.net:465 --implicit-tls --tls verified \\
                --user ann --password-file secret --to bob@example.org
              hoptop send --to bob@b.example --source-route a.example

            EXIT STATUS
              0   every recipient was taken
              1   none was
              3   some were
              64  the command line is not understood
            """)

    @Option(help: ArgumentHelp("Where to.", valueName: "host:port|unix:path"))
    var server: String?
    @Option(
        help: ArgumentHelp("The configuration that names the relay of this machine.", valueName: "file"),
        completion: .file())
    var config: String?
    @Option(help: ArgumentHelp("The sender; <> for none. Without it, you.", valueName: "address"))
    var from: String?
    @Option(
        parsing: .singleValue, help: ArgumentHelp("A recipient; may be given more than once.", valueName: "address"))
    var to: [String]
    @Option(
        parsing: .singleValue,
        help: ArgumentHelp(
            "A host of the source route to the recipients, the first one first; may be given more than once.",
            valueName: "domain"))
    var sourceRoute: [String] = []
    @Option(
        help: ArgumentHelp("A message with its header; - for standard input.", valueName: "file"),
        completion: .file())
    var file: String?
    @Option(help: ArgumentHelp("The text, where no file is given.", valueName: "text"))
    var text: String?
    @Option(help: ArgumentHelp("The subject, where no file is given.", valueName: "text"))
    var subject = "a message of hoptop send"
    @Option(help: "As a route has it: verified checks the certificate.")
    var tls = RouteSecurity.TLS.opportunistic
    @Flag(help: "TLS before anything is said, as on port 465.")
    var implicitTls = false
    @Option(
        help: ArgumentHelp("PEM file of the authorities that are believed.", valueName: "file"),
        completion: .file())
    var ca: String?
    @Option(help: ArgumentHelp("Log in as; only under TLS where the mechanism shows the password.", valueName: "name"))
    var user: String?
    @Option(
        help: ArgumentHelp(
            "Holds the password, and is not open to everybody; without it HOPTOP_PASSWORD is the password.",
            valueName: "file"), completion: .file())
    var passwordFile: String?
    @Option(help: ArgumentHelp("What EHLO says; without it, the configured host name.", valueName: "name"))
    var helo: String?
    @Flag(help: "Print nothing but what was refused.")
    var quiet = false

    func validate() throws {
        guard !self.to.isEmpty else { throw ValidationError("name a recipient with --to") }
        guard self.file == nil || self.text == nil else {
            throw ValidationError("--file is a whole message: leave out --text")
        }
        guard !self.implicitTls || self.tls != .none else {
            throw ValidationError("--implicit-tls and --tls none cannot both be")
        }
        guard self.subject.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else {
            throw ValidationError("--subject takes printable ASCII; give others in a --file, encoded (RFC 2047)")
        }
    }

    func run() async throws {
        let output = Output.standard
        do {
            let outcomes = try await self.send { speaker, line in
                guard !self.quiet else { return }
                output.lines([[speaker.run, Run(line, speaker.role(of: line))]])
            }
            let refused = outcomes.count { if case .relayed = $0.outcome { false } else { true } }
            for (recipient, outcome) in outcomes {
                switch outcome {
                case .relayed: break
                case .deferred(let cause): Hoptop.complain("\(recipient): \(cause)", on: output)
                case .bounced(let reply, _): Hoptop.complain("\(recipient): \(reply)", on: output)
                }
            }
            guard refused > 0 else { return }
            throw ExitCode((refused == outcomes.count ? CommandStatus.failed : .skipped).rawValue)
        } catch let failure as SendmailFailure {
            throw failure.status == .usage ? ValidationError(failure.reason) : Failure(failure.reason)
        }
    }

    private func send(
        telling tell: @escaping @Sendable (TranscriptLine.Speaker, String) -> Void
    ) async throws -> [(recipient: ForwardPath, outcome: ClientSession.Outcome)] {
        let configuration = try EngineOptions.parse(self.config.map { ["--config", $0] } ?? []).configuration()
        let address = try self.address(configuration)
        let hostname = self.helo ?? configuration.hostname
        let message = try self.message(hostname)
        let security = SendSecurity(
            tls: self.tls, isImplicit: self.implicitTls,
            serverName: address.endpoint.flatMap { $0.isAddress ? nil : $0.host }, authorities: self.ca,
            login: self.login)
        let channel = try await self.connect(to: address)
        let outcomes = try await channel.eventLoop.flatSubmit {
            let done = channel.eventLoop.makePromise(of: [ClientSession.Outcome].self)
            do {
                let pipeline = channel.pipeline.syncOperations
                tell(.relay, "connected to \(address)")
                if security.isImplicit { try pipeline.addHandler(try security.handler()) }
                // RFC 5321 §4.5.3.2.6 asks for ten minutes of patience behind the dot.
                try pipeline.addHandler(IdleStateHandler(readTimeout: .minutes(10)))
                try pipeline.addHandler(
                    WatchedSession(security.session(hostname: hostname), message, security, done: done, tell: tell))
                channel.setOption(.autoRead, value: true).cascadeFailure(to: done)
            } catch {
                done.fail(error)
                channel.close(promise: nil)
            }
            return done.futureResult
        }.get()
        return Array(zip(message.transaction.recipients, outcomes))
    }

    private func connect(to address: ListenAddress) async throws -> any Channel {
        // Nothing is read before somebody listens to it.
        let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.autoRead, value: false).connectTimeout(.seconds(30))
        do {
            return switch address {
            case .endpoint(let endpoint): try await bootstrap.connect(host: endpoint.host, port: endpoint.port).get()
            case .socket(let path): try await bootstrap.connect(unixDomainSocketPath: path).get()
            case .passed: throw ValidationError("--server \(address): write host:port or unix:/path")
            }
        } catch {
            throw Failure("no server answers at \(address): \(ConnectionWords.words(for: error))")
        }
    }

    private func address(_ configuration: RelayConfiguration) throws -> ListenAddress {
        guard let text = self.server else {
            guard let address = configuration.localAddress else {
                throw ValidationError("no [[listen]] is for programs of this machine: name a server with --server")
            }
            return address
        }
        let withPort = text.hasPrefix("unix:") ? nil : SocketEndpoint(text, defaultPort: self.implicitTls ? 465 : 25)
        guard let address = withPort.map(ListenAddress.endpoint) ?? ListenAddress(text) else {
            throw ValidationError("--server \(text): write host:port or unix:/path")
        }
        return address
    }

    private var login: RouteSecurity.Login? {
        self.user.map { user in
            let secret = self.passwordFile.map(Secret.file) ?? .environment("HOPTOP_PASSWORD")
            return RouteSecurity.Login(user: user, secret: secret, kind: .password)
        }
    }

    // MARK: the message

    private func message(_ hostname: String) throws -> ComposedMessage {
        let own = "\(Account.name)@\(hostname)"
        let sender = self.from ?? own
        let reversePath: ReversePath
        switch sender.isEmpty || sender == "<>" ? nil : try Self.path(sender, "--from") {
        case .path(let path)?: reversePath = .path(path)
        case .postmaster?, nil: reversePath = .null
        }
        let route = self.sourceRoute.isEmpty ? "" : self.sourceRoute.map { "@\($0)" }.joined(separator: ",") + ":"
        let recipients = try self.to.map { try Self.path(route + $0, "--to") }
        let input =
            switch self.file {
            case nil: try MessageInput(text: self.composed)
            case "-"?: try MessageInput(STDIN_FILENO, ignoresDots: true)
            case let file?:
                try Self.reading(file) { descriptor throws(SendmailFailure) in
                    try MessageInput(descriptor, ignoresDots: true)
                }
            }
        let now = Timestamp.now
        let submission = LocalSubmission(
            hostname: hostname, id: "\(now.milliseconds).\(UInt64.random(in: 0 ... .max))", now: now,
            author: sender.contains("@") ? sender.filter { $0 != "<" && $0 != ">" } : own)
        return ComposedMessage(
            input, try ComposedMessage.beginning(of: input, submission), from: reversePath, to: recipients)
    }

    private var composed: String {
        let text = self.text ?? "This is a message of hoptop send.\n"
        let form =
            text.utf8.allSatisfy { $0 < 0x80 }
            ? "" : "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n"
        return "To: \(self.to.joined(separator: ", "))\nSubject: \(self.subject)\n\(form)\n\(text)"
    }

    private static func path(_ text: String, _ option: String) throws -> ForwardPath {
        let bracketed = text.hasPrefix("<") ? text : "<\(text)>"
        guard let path = try? ForwardPath(parsing: bracketed, utf8: true) else {
            throw ValidationError("\(option) \(text) is no address")
        }
        return path
    }

    private static func reading<Result>(
        _ file: String, _ body: (Int32) throws(SendmailFailure) -> Result
    ) throws -> Result {
        let descriptor = open(file, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Failure("\(file) cannot be read: \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        return try body(descriptor)
    }
}

extension TranscriptLine.Speaker {
    /// Who says a line of a dialogue.
    fileprivate var run: Run {
        switch self {
        case .client: Run("C: ", .client)
        case .server: Run("S: ", .server)
        case .relay: Run("*: ", .meta)
        }
    }
    fileprivate func role(of line: String) -> Role {
        switch self {
        case .client: .client
        case .server: line.first == "4" ? .deferred : line.first == "5" ? .failed : .server
        case .relay: .meta
        }
    }
}
