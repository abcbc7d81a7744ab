import Logging
import Mail
import Milter
import NIOCore
import NIOPosix
import SMTP
import Spool

/// The filters of one inbound session, asked one behind the other, each over a connection of its own. What one made of a
/// message the next one sees.
///
/// The session asks one thing at a time, and waits for the answer.
actor MilterChain {
    /// What filters are told of the session beside its steps.
    struct Client: Sendable {
        var peer: Peer
        /// Where it is connected to.
        var local: SocketAddress?
        var role: ServerSession.Role
        var hello: String?
        /// `TLSv1.3`
        var tls: String?
        var user: String?
        /// Of the login.
        var mechanism: String?
    }

    /// What becomes of a step, and what the transcript is told of it.
    struct Verdict: Sendable {
        enum Answer: Sendable, Equatable { case goOn, refuse(Reply), disconnect(Reply) }
        var answer = Answer.goOn
        var remarks: [String] = []
    }

    /// What becomes of a message.
    struct Outcome: Sendable {
        enum Fate: Sendable {
            case accept, refuse(Reply)
            /// It is confirmed and goes nowhere, by that filter's wish.
            case discard(by: String)
        }
        var fate = Fate.accept
        var envelope: Envelope
        var content: StoredContent
        var octets: Int
        /// Why it is put on hold, and by whom.
        var hold: (reason: String, by: String)?
        var remarks: [String] = []
    }

    /// One filter.
    private struct Link {
        let milter: Milter
        var session = MilterSession()
        var connection: MilterConnection?
        var heardConnect = false
        var heardHello = false
        var isInMessage = false
        /// It failed, and mail goes on without it.
        var isLeftOut = false
        /// It failed in this message: what its steps are answered.
        var failure: Reply?
        var name: String { "milter \(self.milter.address)" }
    }

    private let hostname: String
    private let loop: any EventLoop
    private let log: Logger
    private var links: [Link]
    private var client: Client?
    private var id: QueueID?
    /// Who wants the message to be taken and thrown away.
    private var discardedBy: String?
    private var isClosed = false

    init(_ milters: [Milter], hostname: String, on loop: any EventLoop, log: Logger) {
        self.links = milters.map { Link(milter: $0) }
        self.hostname = hostname
        self.loop = loop
        self.log = log
    }

    // MARK: steps

    /// Asks about a step of the session.
    ///
    /// - Parameters:
    ///   - client: as it is known now.
    ///   - id: of the message that begins with a MAIL.
    func tell(_ step: MilterStep, of client: Client, id: QueueID? = nil) async -> Verdict {
        self.client = client
        switch step.kind {
        case .connect: break
        case .hello:
            if case .hello(let name) = step { self.client?.hello = name }
            self.abandonMessage()
            for place in self.links.indices { self.links[place].heardHello = false }
        case .mail:
            self.abandonMessage()
            self.id = id
        case .recipient, .data, .header, .endOfHeader, .body, .endOfMessage: break
        }
        return await self.ask(step)
    }

    private func ask(_ step: MilterStep) async -> Verdict {
        var verdict = Verdict()
        for place in self.links.indices where self.discardedBy == nil && !self.links[place].isLeftOut {
            if let failure = self.links[place].failure {
                verdict.answer = .refuse(failure)
                return verdict
            }
            do {
                let answer = try await self.answer(to: step, place)
                let name = self.links[place].name
                if let words = answer.words { verdict.remarks.append("\(name): \(words)") }
                if answer == .discard { self.discardedBy = name }
                verdict.answer = answer.verdict(at: step.kind)
            } catch {
                let failure = self.failed(place, error, at: step.kind)
                verdict.remarks.append("\(self.links[place].name) failed: \(HostConnector.Failure.words(for: error))")
                // Before a message there is nothing that could be refused in good order (RFC 5321 §4.2.5 has no 451 there).
                if let failure, step.kind != .connect, step.kind != .hello { verdict.answer = .refuse(failure) }
            }
            if verdict.answer != .goOn { return verdict }
        }
        return verdict
    }

    /// Its answer to a step, and to what it has to hear before.
    private func answer(to step: MilterStep, _ place: Int) async throws -> MilterAnswer {
        guard step.kind == .mail, self.links[place].connection != nil else {
            return try await self.answerOnce(to: step, place)
        }
        // It may have been started anew since the last message.
        do { return try await self.answerOnce(to: step, place) } catch {
            self.hangUp(place)
            return try await self.answerOnce(to: step, place)
        }
    }

    private func answerOnce(to step: MilterStep, _ place: Int) async throws -> MilterAnswer {
        guard let client = self.client else { preconditionFailure("a step of nobody's session") }
        let milter = self.links[place].milter
        if self.links[place].connection == nil {
            guard !self.isClosed else { throw MilterHungUp() }
            let connection = try await MilterConnection.open(
                milter.address, within: .milliseconds(milter.connectTimeout), on: self.loop)
            guard !self.isClosed else {
                connection.close(saying: nil)
                throw MilterHungUp()
            }
            self.links[place].connection = connection
            self.links[place].session = MilterSession()
            self.links[place].session.begin()
            _ = try await self.nextAnswer(place, within: milter.commandTimeout)
        }
        if !self.links[place].heardConnect {
            self.links[place].heardConnect = true
            let answer = try await self.say(.connect(from: client.peer), place)
            if step.kind == .connect || answer != .continue && answer != .accept { return answer }
        }
        if step.kind != .connect, !self.links[place].heardHello, let hello = client.hello {
            self.links[place].heardHello = true
            let answer = try await self.say(.hello(hello), place)
            if step.kind == .hello || answer != .continue && answer != .accept { return answer }
        }
        if step.kind == .mail { self.links[place].isInMessage = true }
        return try await self.say(step, place)
    }

    private func say(_ step: MilterStep, _ place: Int) async throws -> MilterAnswer {
        self.links[place].session.tell(step, self.macros(step))
        return try await self.nextAnswer(place, within: self.links[place].milter.commandTimeout)
    }

    /// - Parameter change: takes what it does to the message.
    private func nextAnswer(
        _ place: Int, within milliseconds: Int64,
        _ change: (MilterChange) async throws -> Void = { _ in }
    ) async throws -> MilterAnswer {
        let time = TimeAmount.milliseconds(milliseconds)
        while true {
            guard let connection = self.links[place].connection else { throw MilterHungUp() }
            switch try self.links[place].session.next() {
            case .send(let octets): try await connection.send(octets, within: time)
            case .progress: break  // Each octet that comes begins the wait anew.
            case .change(let value): try await change(value)
            case .answer(let answer):
                // What needs no answer travels with what comes next, unless it is much.
                if self.links[place].session.outputOctets >= MilterStep.largestPiece,
                    case .send(let octets)? = self.links[place].session.takeOutput()
                {
                    try await connection.send(octets, within: time)
                }
                return answer
            case nil: self.links[place].session.receive(try await connection.receive(within: time))
            }
        }
    }

    // MARK: messages

    /// Asks about a whole message, and changes it as they say.
    ///
    /// - Parameters:
    ///   - content: complete; where it is written anew, the file that it was is discarded.
    ///   - traceOctets: of our own field, with which it begins.
    /// - Throws: what the spool says, or that the header is too large; the content is as it was then.
    func filter(
        _ content: StoredContent, traceOctets: Int, octets: Int, envelope: Envelope, in place: FilteredContent.Place
    ) async throws -> Outcome {
        var outcome = Outcome(envelope: envelope, content: content, octets: octets)
        defer { self.discardedBy = nil }
        if let filter = self.discardedBy {
            outcome.fate = .discard(by: filter)
            return outcome
        }
        var files: [any StreamedContent] = []
        do {
            var message = try await FilteredContent(content, traceOctets: traceOctets, octets: octets, in: place)
            for link in self.links.indices where !self.links[link].isLeftOut {
                guard try await self.filter(&message, &outcome, link, place, &files) else {
                    self.discard(files, on: place.threads)
                    return outcome
                }
            }
            if let changed = try await message.stored(&files) {
                outcome.content = changed.content
                outcome.octets = changed.octets
                if case .file(let old) = content { files.append(old) }
            }
        } catch {
            self.discard(files, on: place.threads)
            throw error
        }
        let kept: (any StreamedContent)? = if case .file(let file) = outcome.content { file } else { nil }
        self.discard(files.filter { $0 !== kept }, on: place.threads)
        return outcome
    }

    private func discard(_ files: [any StreamedContent], on threads: NIOThreadPool) {
        guard !files.isEmpty else { return }
        threads.submit { _ in for file in files { file.discard() } }
    }

    /// Asks one filter about the message. What it changes holds only if it comes to an end.
    ///
    /// - Returns: whether the others are asked too.
    private func filter(
        _ message: inout FilteredContent, _ outcome: inout Outcome, _ place: Int, _ disk: FilteredContent.Place,
        _ files: inout [any StreamedContent]
    ) async throws -> Bool {
        if let failure = self.links[place].failure {
            outcome.fate = .refuse(failure)
            return false
        }
        let name = self.links[place].name
        var draft = MessageDraft(message, outcome.envelope)
        let answer: MilterAnswer
        do {
            answer = try await self.tellMessage(&draft, place, disk, &files)
        } catch let error as SpoolError {
            // It is in the middle of the message, which goes no further.
            self.hangUp(place)
            throw error
        } catch {
            outcome.remarks.append("\(name) failed: \(HostConnector.Failure.words(for: error))")
            guard let reply = self.failed(place, error, at: .endOfMessage) else { return true }
            outcome.fate = .refuse(reply)
            return false
        }
        if let words = answer.words { outcome.remarks.append("\(name): \(words)") }
        switch answer.verdict(at: .endOfMessage) {
        case .goOn: break
        case .refuse(let reply), .disconnect(let reply):
            outcome.fate = .refuse(reply)
            return false
        }
        if answer == .discard {
            outcome.fate = .discard(by: name)
            return false
        }
        try await draft.end()
        message = draft.content
        outcome.envelope = draft.envelope
        guard !outcome.envelope.recipients.isEmpty else {
            outcome.remarks.append("\(name): left no recipient")
            outcome.fate = .discard(by: name)
            return false
        }
        if let reason = draft.quarantine, outcome.hold == nil { outcome.hold = (reason, name) }
        if let words = draft.words {
            outcome.remarks.append("\(name): \(words)")
            self.log.info(
                "filtered",
                metadata: [
                    "message": "\(disk.id)", "milter": "\(self.links[place].milter.address)", "did": "\"\(words)\"",
                ])
        }
        return true
    }

    private func tellMessage(
        _ draft: inout MessageDraft, _ place: Int, _ disk: FilteredContent.Place, _ files: inout [any StreamedContent]
    ) async throws -> MilterAnswer {
        guard self.links[place].connection != nil else { throw MilterHungUp() }
        if self.links[place].session.wants(.header) {
            for field in draft.content.header.fields {
                let answer = try await self.say(.header(name: field.name, value: field.value.withLineFeeds), place)
                if answer != .continue { return answer }
            }
        }
        let answer = try await self.say(.endOfHeader, place)
        if answer != .continue { return answer }
        var offset = 0
        while offset < draft.content.bodyOctets, self.links[place].session.wants(.body) {
            let piece = try await draft.content.bodyPiece(from: offset, count: MilterStep.largestPiece)
            offset += piece.readableBytes
            let answer = try await self.say(.body(piece), place)
            if answer != .continue { return answer }
        }
        self.links[place].session.tell(.endOfMessage, self.macros(.endOfMessage))
        let end = try await self.nextAnswer(place, within: self.links[place].milter.contentTimeout) { change in
            try await draft.apply(change, in: disk, files: &files)
        }
        self.links[place].isInMessage = false
        return end
    }

    /// A message that was begun will not be finished.
    private func abandonMessage() {
        for place in self.links.indices {
            if self.links[place].isInMessage { self.links[place].session.abort() }
            self.links[place].isInMessage = false
            self.links[place].failure = nil
        }
        self.id = nil
        self.discardedBy = nil
    }

    // MARK: ends

    /// - Returns: what the client is told; `nil`: mail goes on without the filter.
    private func failed(_ place: Int, _ error: any Error, at step: MilterStep.Kind) -> Reply? {
        self.hangUp(place)
        let milter = self.links[place].milter
        if !self.isClosed {
            self.log.warning(
                "milter failed",
                metadata: [
                    "milter": "\(milter.address)", "step": "\(step)",
                    "error": "\"\(HostConnector.Failure.words(for: error))\"",
                    "on-error": "\(milter.onError.rawValue)",
                ])
        }
        switch milter.onError {
        case .accept:
            self.links[place].isLeftOut = true
            return nil
        case .tempfail: self.links[place].failure = MilterAnswer.unavailable
        case .reject: self.links[place].failure = MilterAnswer.rejected
        }
        defer { if step == .connect || step == .hello { self.links[place].failure = nil } }
        return self.links[place].failure
    }

    private func hangUp(_ place: Int) {
        self.links[place].connection?.close(saying: nil)
        self.links[place].connection = nil
        self.links[place].heardConnect = false
        self.links[place].heardHello = false
        self.links[place].isInMessage = false
    }

    /// The session is over.
    func close() {
        self.isClosed = true
        self.abandonMessage()
        for place in self.links.indices {
            guard let connection = self.links[place].connection else { continue }
            self.links[place].session.quit()
            let octets: ByteBuffer? =
                if case .send(let octets)? = self.links[place].session.takeOutput() { octets } else { nil }
            connection.close(saying: octets)
            self.links[place].connection = nil
        }
    }

    // MARK: macros

    private func macros(_ step: MilterStep) -> MilterMacros {
        guard step.kind != .header, step.kind != .body, let client = self.client else { return MilterMacros() }
        let peer = client.peer
        var macros: MilterMacros = [
            "j": self.hostname, "v": "Hoptop \(Relay.version)",
            // By this name milters of Postfix are often told of submission.
            "{daemon_name}": client.role == .submission ? "ORIGINATING" : self.hostname,
        ]
        let name = peer.name ?? "unknown"
        macros.add("_", "\(name) [\(peer.client ?? "unknown")]")
        macros.add("{client_name}", name)
        macros.add("{client_ptr}", name)
        macros.add("{client_addr}", peer.client)
        macros.add("{client_port}", peer.address?.port.map { "\($0)" })
        macros.add("{daemon_addr}", client.local?.ipAddress)
        macros.add("{daemon_port}", client.local?.port.map { "\($0)" })
        macros.add("{tls_version}", client.tls)
        macros.add("{auth_authen}", client.user)
        if client.user != nil { macros.add("{auth_type}", client.mechanism) }
        macros.add("i", self.id?.description)
        switch step {
        case .mail(let path, _):
            macros.add("{mail_addr}", Self.bare(path))
            macros.add("{mail_host}", Self.host(path))
            macros.add("{mail_mailer}", "smtp")
        case .recipient(let path, _):
            macros.add("{rcpt_addr}", Self.bare(path))
            macros.add("{rcpt_host}", Self.host(path))
            macros.add("{rcpt_mailer}", "smtp")
        case .connect, .hello, .data, .header, .endOfHeader, .body, .endOfMessage: break
        }
        return macros
    }

    /// The path without its angle brackets.
    private static func bare(_ path: String) -> String { String(path.dropFirst().dropLast()) }
    private static func host(_ path: String) -> String? {
        let bare = Self.bare(path)
        return bare.lastIndex(of: "@").map { String(bare[bare.index(after: $0)...]) }
    }
}

extension MilterStep {
    static func connect(from peer: Peer) -> MilterStep {
        .connect(name: peer.name ?? "unknown", address: peer.client, port: UInt16(clamping: peer.address?.port ?? 0))
    }
}

extension MilterAnswer {
    static let unavailable = Reply(451, "4.7.1", "Service unavailable - try again later")
    static let rejected = Reply(550, "5.7.1", "Command rejected")

    /// What the client is told; words of ours are those of Postfix.
    fileprivate func verdict(at step: MilterStep.Kind) -> MilterChain.Verdict.Answer {
        switch self {
        case .continue, .accept, .discard: return .goOn
        case .reject where step == .connect: return .refuse(Reply(554, "5.7.1", "Service refused"))
        case .reject: return .refuse(Self.rejected)
        case .temporaryFailure where step == .connect:
            return .disconnect(Reply(421, "4.7.1", "Service unavailable - try again later"))
        case .temporaryFailure: return .refuse(Self.unavailable)
        case .shutDown: return .disconnect(Reply(421, "4.7.0", "Service unavailable, closing the connection"))
        case .reply(var reply):
            reply.enhanced = reply.enhanced ?? (reply.code.isTransient ? "4.7.1" : "5.7.1")
            if reply.code == 421 { return .disconnect(reply) }
            // A greeting is a 220, a 554 or a 421 (RFC 5321 §4.3.2).
            guard step == .connect else { return .refuse(reply) }
            reply.code = reply.code.isTransient ? 421 : 554
            return reply.code == 421 ? .disconnect(reply) : .refuse(reply)
        }
    }

    /// What the transcript is told; `nil`: nothing worth it.
    fileprivate var words: String? {
        switch self {
        case .continue, .accept: nil
        case .reject: "rejected"
        case .temporaryFailure: "failed for now"
        case .discard: "discarded"
        case .reply(let reply): reply.description
        case .shutDown: "wants the session to end"
        }
    }
}

extension ByteBuffer {
    /// The same with lines that end with LF, as milters know them.
    fileprivate var withLineFeeds: ByteBuffer {
        guard self.readableBytesView.contains(0x0D) else { return self }
        var result = ByteBuffer()
        var isBehindCR = false
        for octet in self.readableBytesView {
            if isBehindCR, octet != 0x0A { result.writeInteger(UInt8(0x0D)) }
            isBehindCR = octet == 0x0D
            if !isBehindCR { result.writeInteger(octet) }
        }
        if isBehindCR { result.writeInteger(UInt8(0x0D)) }
        return result
    }
}
