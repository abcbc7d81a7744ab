import Logging
import Mail
import Milter
import NIOCore
import SMTP
import Spool

/// One filter of an inbound session: the connection to it, and what it has heard.
///
/// Its chain owns it, and asks it one thing at a time.
final class MilterLink {
    let milter: Milter
    private let loop: any EventLoop
    private let log: Logger
    private var session = MilterSession()
    private var connection: MilterConnection?
    private var heardConnect = false
    private var heardHello = false
    private var isInMessage = false
    private var isClosed = false
    /// It failed, and mail goes on without it.
    private(set) var isLeftOut = false
    /// It failed in this message: what its steps are answered.
    private(set) var failure: Reply?
    var name: String { "milter \(self.milter.address)" }

    init(_ milter: Milter, on loop: any EventLoop, log: Logger) {
        self.milter = milter
        self.loop = loop
        self.log = log
    }

    /// The client says its name anew.
    func forgetHello() { self.heardHello = false }

    /// A message that was begun will not be finished.
    func abandonMessage() {
        if self.isInMessage { self.session.abort() }
        self.isInMessage = false
        self.failure = nil
    }

    // MARK: steps

    /// Its answer to a step, and to what it has to hear before.
    nonisolated(nonsending) func answer(to step: MilterStep, in context: MilterContext) async throws -> MilterAnswer {
        guard step.kind == .mail, self.connection != nil else { return try await self.answerOnce(to: step, context) }
        // It may have been started anew since the last message.
        do { return try await self.answerOnce(to: step, context) } catch {
            self.hangUp()
            return try await self.answerOnce(to: step, context)
        }
    }

    private nonisolated(nonsending) func answerOnce(
        to step: MilterStep, _ context: MilterContext
    ) async throws -> MilterAnswer {
        if self.connection == nil { try await self.connect() }
        if !self.heardConnect {
            self.heardConnect = true
            let answer = try await self.say(.connect(from: context.client.peer), context)
            if step.kind == .connect || answer != .continue && answer != .accept { return answer }
        }
        if step.kind != .connect, !self.heardHello, let hello = context.client.hello {
            self.heardHello = true
            let answer = try await self.say(.hello(hello), context)
            if step.kind == .hello || answer != .continue && answer != .accept { return answer }
        }
        if step.kind == .mail { self.isInMessage = true }
        return try await self.say(step, context)
    }

    private nonisolated(nonsending) func connect() async throws {
        guard !self.isClosed else { throw MilterHungUp() }
        let connection = try await MilterConnection.open(
            self.milter.address, within: .milliseconds(self.milter.connectTimeout), on: self.loop)
        guard !self.isClosed else {
            connection.close(saying: nil)
            throw MilterHungUp()
        }
        self.connection = connection
        self.session = MilterSession()
        self.session.begin()
        _ = try await self.nextAnswer(within: self.milter.commandTimeout)
    }

    private nonisolated(nonsending) func say(
        _ step: MilterStep, _ context: MilterContext
    ) async throws -> MilterAnswer {
        self.session.tell(step, context.macros(for: step))
        return try await self.nextAnswer(within: self.milter.commandTimeout)
    }

    /// - Parameter change: takes what it does to the message.
    private nonisolated(nonsending) func nextAnswer(
        within milliseconds: Int64, _ change: nonisolated(nonsending) (MilterChange) async throws -> Void = { _ in }
    ) async throws -> MilterAnswer {
        let time = TimeAmount.milliseconds(milliseconds)
        while true {
            guard let connection = self.connection else { throw MilterHungUp() }
            switch try self.session.next() {
            case .send(let octets): try await connection.send(octets, within: time)
            case .progress: break  // Each octet that comes begins the wait anew.
            case .change(let value): try await change(value)
            case .answer(let answer):
                // What needs no answer travels with what comes next, unless it is much.
                if self.session.outputOctets >= MilterStep.largestPiece,
                    case .send(let octets)? = self.session.takeOutput()
                {
                    try await connection.send(octets, within: time)
                }
                return answer
            case nil: self.session.receive(try await connection.receive(within: time))
            }
        }
    }

    // MARK: the message

    /// Its answer to a whole message.
    ///
    /// - Parameters:
    ///   - draft: what it changes.
    ///   - files: those that are made on the way.
    nonisolated(nonsending) func answer(
        to draft: inout MessageDraft, in context: MilterContext, _ disk: FilteredContent.Place,
        _ files: inout [any StreamedContent]
    ) async throws -> MilterAnswer {
        guard self.connection != nil else { throw MilterHungUp() }
        if self.session.wants(.header) {
            for field in draft.content.header.fields {
                let answer = try await self.say(.header(name: field.name, value: field.value.withLineFeeds), context)
                if answer != .continue { return answer }
            }
        }
        let answer = try await self.say(.endOfHeader, context)
        if answer != .continue { return answer }
        var offset = 0
        while offset < draft.content.bodyOctets, self.session.wants(.body) {
            let piece = try await draft.content.bodyPiece(from: offset, count: MilterStep.largestPiece)
            offset += piece.readableBytes
            let answer = try await self.say(.body(piece), context)
            if answer != .continue { return answer }
        }
        self.session.tell(.endOfMessage, context.macros(for: .endOfMessage))
        let end = try await self.nextAnswer(within: self.milter.contentTimeout) { change in
            try await draft.apply(change, in: disk, files: &files)
        }
        self.isInMessage = false
        return end
    }

    // MARK: ends

    /// - Returns: what the client is told; `nil`: mail goes on without the filter.
    func failed(_ error: any Error, at step: MilterStep.Kind) -> Reply? {
        self.hangUp()
        if !self.isClosed {
            self.log.warning(
                "milter failed",
                metadata: [
                    "milter": "\(self.milter.address)", "step": "\(step)",
                    "error": "\(ConnectionWords.words(for: error))",
                    "on-error": "\(self.milter.onError.rawValue)",
                ])
        }
        switch self.milter.onError {
        case .accept:
            self.isLeftOut = true
            return nil
        case .tempfail: self.failure = MilterAnswer.unavailable
        case .reject: self.failure = MilterAnswer.rejected
        }
        defer { if step == .connect || step == .hello { self.failure = nil } }
        return self.failure
    }

    func hangUp() {
        self.connection?.close(saying: nil)
        self.connection = nil
        self.heardConnect = false
        self.heardHello = false
        self.isInMessage = false
    }

    /// The session is over.
    func close() {
        self.isClosed = true
        self.abandonMessage()
        guard let connection = self.connection else { return }
        self.session.quit()
        let octets: ByteBuffer? = if case .send(let octets)? = self.session.takeOutput() { octets } else { nil }
        connection.close(saying: octets)
        self.connection = nil
    }
}

extension MilterStep {
    static func connect(from peer: Peer) -> MilterStep {
        .connect(name: peer.name ?? "unknown", address: peer.client, port: UInt16(clamping: peer.address?.port ?? 0))
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
