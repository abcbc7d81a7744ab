import ArgumentParser
import Foundation
import Mail
import Monitor
import NIOCore
import Relay
import SMTP

struct SendmailCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sendmail", abstract: "Hand mail to the relay, as /usr/sbin/sendmail does.",
        discussion: Sendmail.help)

    @Argument(parsing: .captureForPassthrough, help: ArgumentHelp("As sendmail takes them.", valueName: "arguments"))
    var arguments: [String] = []

    func run() async throws { throw ExitCode(await Sendmail.run(self.arguments, as: "sendmail").rawValue) }
}

/// The command that programs of a machine hand their mail to.
enum Sendmail {
    static let help = """
        Reads a message from standard input and hands it to the relay of the
        configuration: over its Unix socket (address = "unix:/run/hoptop/submit"), or
        where there is none, on loopback. Also by the names sendmail, mailq and
        newaliases, through a link:

          ln -s /usr/bin/hoptop /usr/sbin/sendmail

        OPTIONS
          -t            recipients are read from To, Cc and Bcc; Bcc is taken out
          -i, -oi       a line with nothing but a dot does not end the message
          -f, -r ADDR   the sender, to whom reports go; <> for none
          -F NAME       the sender's name, where the message has no From
          -N WHEN       reports: never, or success, failure, delay
          -R PART       what a report returns: full or hdrs
          -V ID         the envelope ID that reports name
          -C FILE       the configuration
          -bs           SMTP on standard input and output
          -bp           what is queued, as mailq: of the daemon, else of its spool
          -q            what is deferred is tried now; -qRDOMAIN: mail for that domain

        Other options of sendmail are taken and ignored, as Postfix does.

        The exit status is one of sysexits.h: 0, 64 (usage), 65 (message), 67 (no such
        recipient), 69 (refused), 75 (no relay answers, or it cannot take the mail now),
        78 (configuration).
        """

    /// A name of old by which the program may be called, such as `/usr/sbin/sendmail`.
    enum Name: String {
        case sendmail, mailq, newaliases

        /// - Returns: `nil` where it is called by none of them.
        init?(calling arguments: [String]) {
            guard let name = arguments.first?.split(separator: "/").last else { return nil }
            self.init(rawValue: String(name))
        }
    }

    /// What the program does under a name of old.
    static func run(by name: Name, _ rest: [String]) async -> ExitStatus {
        switch name {
        case .sendmail: await self.run(rest, as: name.rawValue)
        case .mailq: await self.run(["-bp"] + rest, as: name.rawValue)
        case .newaliases: await self.run(["-bi"] + rest, as: name.rawValue)
        }
    }

    static func run(_ arguments: [String], as name: String) async -> ExitStatus {
        signal(SIGPIPE, SIG_IGN)
        do throws(SendmailFailure) {
            return try await self.run(try SendmailArguments(arguments))
        } catch {
            self.complain(error.reason, as: name)
            return error.status
        }
    }

    private static func complain(_ reason: String, as name: String) {
        for line in reason.split(whereSeparator: \.isNewline) {
            writeToStandardError("\(name): \(SafeText(String(line)))\n")
        }
    }

    private static func run(_ arguments: SendmailArguments) async throws(SendmailFailure) -> ExitStatus {
        switch arguments.mode {
        case .help: print(self.help)
        case .aliases: writeToStandardError("newaliases: a relay has no aliases; there is nothing to do\n")
        case .submit:
            return try self.submit(arguments, try self.configuration(arguments))
        case .smtp:
            let configuration = try self.configuration(arguments)
            try SubmissionClient(try self.address(configuration)).carry(from: STDIN_FILENO, to: STDOUT_FILENO)
        case .queue: try await self.showQueue(arguments)
        case .retry(let domain):
            let configuration = try self.configuration(arguments)
            if domain == nil, let receipt = try await self.retryAll(arguments) {
                print([receipt].words("retry"))
                return .ok
            }
            let request = domain.map { QueueRequest.domain(Domain($0)) } ?? .all
            let reply = try SubmissionClient(try self.address(configuration))
                .requestQueue(request, as: configuration.hostname)
            guard reply.code.isCompletion else {
                throw SendmailFailure(
                    reply.code.isPermanent ? .unavailable : .temporary, "the relay refuses: \(reply)")
            }
            print(SafeText(reply.lines.joined(separator: " ")))
        }
        return .ok
    }

    // MARK: the daemon

    /// The daemon of the configuration, if any can be asked.
    private enum Daemon {
        case open(any MonitorFeed)
        /// It runs, and is not open to whoever asks.
        case closed(FeedError)
        /// None answers, or another one does.
        case none
    }

    private static func daemon(_ arguments: SendmailArguments) async throws(SendmailFailure) -> Daemon {
        let configuration = try self.wholeConfiguration(arguments)
        let place: [String]
        switch configuration.control.socket {
        case .automatic: place = []
        case .none: return .none
        case .path(let path): place = ["--to", path]
        }
        do {
            let feed = try await DaemonOptions.parse(place).feed()
            return try await feed.capabilities().node == configuration.relay.hostname ? .open(feed) : .none
        } catch let error as FeedError where error.code == .denied {
            return .closed(error)
        } catch { return .none }
    }

    /// What no daemon tells is read where it is kept.
    private static func showQueue(_ arguments: SendmailArguments) async throws(SendmailFailure) {
        let configuration = try self.configuration(arguments)
        switch try await self.daemon(arguments) {
        case .open(let feed):
            do { try await MailQueue.show(feed) } catch { throw SendmailFailure(.unavailable, "\(error)") }
        case .closed(let denial):
            do throws(SendmailFailure) { try MailQueue.show(configuration) } catch { throw self.hidden(by: denial) }
        case .none: try MailQueue.show(configuration)
        }
    }

    /// The relay's queue is for those to whom its control socket is open; its spool is for nobody else to read.
    static func hidden(by denial: FeedError) -> SendmailFailure {
        SendmailFailure(
            .unavailable, "the relay runs, and shows its queue to those for whom its control socket is open: \(denial)")
    }

    /// - Returns: `nil` where no daemon answers, or it lets nobody but operators do that: its listener is asked then, as
    ///   by any client (RFC 1985).
    private static func retryAll(_ arguments: SendmailArguments) async throws(SendmailFailure) -> Receipt? {
        guard case .open(let feed) = try await self.daemon(arguments) else { return nil }
        do {
            return try await feed.perform(.retry, on: .frozen(set: try await feed.freeze(QueueQuery()).id))
        } catch let error as FeedError where error.code == .denied {
            return nil
        } catch { throw SendmailFailure(.temporary, "\(error)") }
    }

    private static func configuration(_ arguments: SendmailArguments) throws(SendmailFailure) -> RelayConfiguration {
        try self.wholeConfiguration(arguments).relay
    }

    private static func wholeConfiguration(
        _ arguments: SendmailArguments
    ) throws(SendmailFailure) -> Configuration {
        do {
            let options = arguments.configuration.map { ["--config", $0] } ?? []
            return try EngineOptions.parse(options).wholeConfiguration()
        } catch { throw SendmailFailure(.configuration, "\(error)") }
    }

    /// Where the relay takes mail of this machine.
    private static func address(_ configuration: RelayConfiguration) throws(SendmailFailure) -> ListenAddress {
        guard let address = configuration.localAddress else {
            throw SendmailFailure(
                .temporary,
                "no [[listen]] is for programs of this machine: add one with address = \"unix:/run/hoptop/submit\"")
        }
        return address
    }

    // MARK: a message

    private static func submit(
        _ arguments: SendmailArguments, _ configuration: RelayConfiguration
    ) throws(SendmailFailure) -> ExitStatus {
        guard arguments.readsHeader || !arguments.recipients.isEmpty else {
            throw SendmailFailure(.usage, "no recipient: name one, or have them read from the header with -t")
        }
        let hostname = configuration.hostname
        let input = try MessageInput(STDIN_FILENO, ignoresDots: arguments.ignoresDots)
        let sender = arguments.sender ?? .some(AddressList.Address(localPart: Account.name))
        let author = sender.map { $0.qualified(hostname) } ?? "MAILER-DAEMON@\(hostname)"
        let now = Timestamp.now
        let submission = LocalSubmission(
            hostname: hostname, id: "\(now.milliseconds).\(UInt64.random(in: 0 ... .max))", now: now, author: author,
            fullName: arguments.fullName ?? (arguments.sender == nil ? Account.fullName : nil))
        let beginning = try ComposedMessage.beginning(of: input, submission)
        let addresses = arguments.recipients + (arguments.readsHeader ? beginning.recipients.addresses : [])
        if arguments.readsHeader, let malformed = beginning.recipients.malformed.first {
            throw SendmailFailure(.data, "\(malformed) in the header is no address")
        }
        guard !addresses.isEmpty else { throw SendmailFailure(.data, "the header names no recipient") }
        let recipients = try self.paths(addresses.map { $0.qualified(hostname) })
        let reversePath = try sender.map { address throws(SendmailFailure) -> ReversePath in
            guard case .path(let path)? = try self.paths([address.qualified(hostname)]).first else { return .null }
            return .path(path)
        }
        let message = ComposedMessage(input, beginning, from: reversePath ?? .null, to: recipients)
        message.transaction.parameters += self.parameters(arguments)
        if let notify = arguments.notify {
            message.transaction.recipientParameters = recipients.map { _ in [Parameter("NOTIFY", notify)] }
        }
        let outcomes = try SubmissionClient(try self.address(configuration))
            .send(message.transaction, as: hostname, content: message.content)
        return self.status(of: outcomes, recipients)
    }

    private static func paths(_ addresses: [String]) throws(SendmailFailure) -> [ForwardPath] {
        var paths: [ForwardPath] = []
        for address in addresses {
            guard let path = try? ForwardPath(parsing: "<\(address)>", utf8: true) else {
                throw SendmailFailure(.data, "\(address) is no address")
            }
            if !paths.contains(path) { paths.append(path) }
        }
        return paths
    }

    private static func parameters(_ arguments: SendmailArguments) -> [Parameter] {
        var parameters: [Parameter] = []
        if let part = arguments.returned { parameters.append(Parameter("RET", part)) }
        if let id = arguments.envelopeID { parameters.append(Parameter("ENVID", XText.encode(id))) }
        return parameters
    }

    /// Tells of each recipient that was not taken; and of the others, so that nobody sends it to them again.
    private static func status(of outcomes: [ClientSession.Outcome], _ recipients: [ForwardPath]) -> ExitStatus {
        var status = ExitStatus.ok
        var sent: [ForwardPath] = []
        defer {
            if status != .ok, !sent.isEmpty {
                self.complain("it was sent to \(sent.map(\.description).joined(separator: ", "))", as: "sendmail")
            }
        }
        for (recipient, outcome) in zip(recipients, outcomes) {
            switch outcome {
            case .relayed: sent.append(recipient)
            case .deferred(let cause):
                status = .temporary
                self.complain("\(recipient): \(cause)", as: "sendmail")
            case .bounced(let reply, _):
                if status != .temporary { status = reply.exitStatus }
                self.complain("\(recipient): \(reply)", as: "sendmail")
            }
        }
        return status
    }
}

/// Who calls.
enum Account {
    private static let entry: (name: String, fullName: String) = {
        guard let entry = getpwuid(getuid()) else { return ("\(getuid())", "") }
        // The name is what stands before the first comma, an ampersand in it the login name.
        let text = entry.pointee.pw_gecos.map { String(cString: $0) } ?? ""
        let name = String(cString: entry.pointee.pw_name)
        let full = String(text.prefix { $0 != "," })
            .replacing("&", with: name.prefix(1).uppercased() + name.dropFirst())
        return (name, full)
    }()
    static var name: String { self.entry.name }
    static var fullName: String { self.entry.fullName }
}

extension AddressList.Address {
    /// With the relay's own name where it has no domain.
    fileprivate func qualified(_ hostname: String) -> String { "\(self.localPart)@\(self.domain?.text ?? hostname)" }
}

extension Reply {
    fileprivate var exitStatus: ExitStatus {
        guard let enhanced = self.enhanced?.description else { return .unavailable }
        if enhanced.hasPrefix("5.1.") { return .noUser }
        return enhanced.hasPrefix("5.6.") ? .data : .unavailable
    }
}

extension RelayConfiguration {
    /// The listener for programs of this machine: the first Unix socket, else the first on loopback, or on every address,
    /// that takes mail without a login.
    var localAddress: ListenAddress? {
        let sockets = self.listen.filter { if case .socket = $0.address { $0.role != .lmtp } else { false } }
        if let socket = sockets.first { return socket.address }
        for listener in self.listen where listener.role == .relay && listener.tls(with: self.tls) != .implicit {
            guard case .endpoint(let endpoint) = listener.address, listener.proxies.isEmpty, endpoint.port > 0 else {
                continue
            }
            switch endpoint.host {
            case "0.0.0.0": return .endpoint(SocketEndpoint(host: "127.0.0.1", port: endpoint.port))
            case "::": return .endpoint(SocketEndpoint(host: "::1", port: endpoint.port))
            case "localhost", "::1": return listener.address
            case let host where host.hasPrefix("127."): return listener.address
            default: continue
            }
        }
        return nil
    }
}
