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

    private let hostname: String
    private let log: Logger
    private let links: [MilterLink]
    private var context: MilterContext?
    /// Who wants the message to be taken and thrown away.
    private var discardedBy: String?

    init(_ milters: [Milter], hostname: String, on loop: any EventLoop, log: Logger) {
        self.links = milters.map { MilterLink($0, on: loop, log: log) }
        self.hostname = hostname
        self.log = log
    }

    // MARK: steps

    /// Asks about a step of the session.
    ///
    /// - Parameters:
    ///   - client: as it is known now.
    ///   - id: of the message that begins with a MAIL.
    func tell(_ step: MilterStep, of client: Client, id: QueueID? = nil) async -> Verdict {
        var context = MilterContext(client: client, hostname: self.hostname, id: self.context?.id)
        switch step.kind {
        case .connect: break
        case .hello:
            if case .hello(let name) = step { context.client.hello = name }
            self.abandonMessage()
            context.id = nil
            for link in self.links { link.forgetHello() }
        case .mail:
            self.abandonMessage()
            context.id = id
        case .recipient, .data, .header, .endOfHeader, .body, .endOfMessage: break
        }
        self.context = context
        return await self.ask(step, context)
    }

    private func ask(_ step: MilterStep, _ context: MilterContext) async -> Verdict {
        var verdict = Verdict()
        for link in self.links where self.discardedBy == nil && !link.isLeftOut {
            if let failure = link.failure {
                verdict.answer = .refuse(failure)
                return verdict
            }
            do {
                let answer = try await link.answer(to: step, in: context)
                if let words = answer.words { verdict.remarks.append("\(link.name): \(words)") }
                if answer == .discard { self.discardedBy = link.name }
                verdict.answer = answer.verdict(at: step.kind)
            } catch {
                let failure = link.failed(error, at: step.kind)
                verdict.remarks.append("\(link.name) failed: \(ConnectionWords.words(for: error))")
                // Before a message there is nothing that could be refused in good order (RFC 5321 §4.2.5 has no 451 there).
                if let failure, step.kind != .connect, step.kind != .hello { verdict.answer = .refuse(failure) }
            }
            if verdict.answer != .goOn { return verdict }
        }
        return verdict
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
            for link in self.links where !link.isLeftOut {
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
        _ message: inout FilteredContent, _ outcome: inout Outcome, _ link: MilterLink, _ disk: FilteredContent.Place,
        _ files: inout [any StreamedContent]
    ) async throws -> Bool {
        guard let context = self.context else { preconditionFailure("a message of nobody's session") }
        if let failure = link.failure {
            outcome.fate = .refuse(failure)
            return false
        }
        let name = link.name
        var draft = MessageDraft(message, outcome.envelope)
        let answer: MilterAnswer
        do {
            answer = try await link.answer(to: &draft, in: context, disk, &files)
        } catch let error as SpoolError {
            // It is in the middle of the message, which goes no further.
            link.hangUp()
            throw error
        } catch {
            outcome.remarks.append("\(name) failed: \(ConnectionWords.words(for: error))")
            guard let reply = link.failed(error, at: .endOfMessage) else { return true }
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
                    "message": "\(disk.id)", "milter": "\(link.milter.address)", "did": "\(words)",
                ])
        }
        return true
    }

    /// A message that was begun will not be finished.
    private func abandonMessage() {
        for link in self.links { link.abandonMessage() }
        self.context?.id = nil
        self.discardedBy = nil
    }

    /// The session is over.
    func close() {
        self.abandonMessage()
        for link in self.links { link.close() }
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
