public import NIOCore
public import SMTP

/// What a milter says to a step.
public enum MilterAnswer: Equatable, Sendable {
    case `continue`
    /// It wants no more of the message; before the message, of the session.
    case accept
    case reject
    case temporaryFailure
    /// The message is taken and thrown away, and nobody told.
    case discard
    /// A 4yz or 5yz of its own.
    case reply(Reply)
    /// The session is to end.
    case shutDown
}

/// The side of the mail server in a session with a milter, as a value: octets in, actions out. It opens no socket and reads no
/// clock.
///
/// The protocol is that of Sendmail's libmilter, version 6, with milters of versions 2 to 5 as well. The driver says
/// ``begin()``, waits for the first answer, tells one step after another, and after each pulls ``next()`` until that gives
/// the step's ``Action/answer(_:)``; where it gives `nil`, octets are awaited.
public struct MilterSession: Sendable {
    public enum Action: Equatable, Sendable {
        case send(ByteBuffer)
        /// It takes its time, and asks to be waited for as long again.
        case progress
        case change(MilterChange)
        /// Answers the negotiation, or the step that was told last.
        case answer(MilterAnswer)
    }

    private enum State: Sendable {
        case new  // Next: negotiating.
        case negotiating  // What we can do is out. Next: idle.
        case idle  // Next: asking, answering.
        case asking(MilterStep.Kind)  // A step is told, and its answer is awaited. Next: idle.
        case answering(MilterAnswer)  // What is sent first needs no answer, or nothing is sent. Next: idle.
    }

    /// What the milter still wants to hear of.
    private enum Interest: Sendable {
        case message  // What comes next, whatever it is.
        case nextMessage  // This message is decided.
        case nothing
    }

    /// Octets of one packet; some milters send a whole body in one.
    static let packetLimit = 1 << 20
    /// Changes of one message; pieces of a body do not count.
    static let changesLimit = 10_000

    private var state = State.new
    private var interest = Interest.message
    private var input = ByteBuffer()
    private var output = ByteBuffer()
    private var version: UInt32 = 6
    private var actions: MilterActions = []
    private var steps: MilterSteps = []
    private var macros: [UInt32: Set<String>] = [:]
    private var wantsMoreBody = true
    private var changes = 0

    public init() {}

    // MARK: what the driver tells

    /// Says what we can do. Its answer is `.continue`.
    public mutating func begin() {
        guard case .new = self.state else { preconditionFailure("a session with a milter begins once") }
        self.state = .negotiating
        self.write(UInt8(ascii: "O")) { buffer in
            buffer.writeMultipleIntegers(
                UInt32(6), MilterActions.offered.rawValue, MilterSteps.offered.rawValue)
        }
    }

    /// Whether the milter is to be told such a step; where not, it need not be made.
    public func wants(_ kind: MilterStep.Kind) -> Bool {
        guard case .message = self.interest else { return false }
        if let unwanted = kind.unwanted, self.steps.contains(unwanted) { return false }
        switch kind {
        case .data: return self.version >= 4
        case .body: return self.wantsMoreBody
        case .connect, .hello, .mail, .recipient, .header, .endOfHeader, .endOfMessage: return true
        }
    }

    /// Tells the next step, with what is known of the session and the message by now; its answer comes out of ``next()``, at once where
    /// the milter gives none.
    public mutating func tell(_ step: MilterStep, _ macros: MilterMacros = MilterMacros()) {
        guard case .idle = self.state else { preconditionFailure("a milter is told two things at a time") }
        let kind = step.kind
        if kind == .mail { self.beginMessage() }
        guard self.wants(kind) else {
            self.state = .answering(.continue)
            return
        }
        self.write(macros, kind)
        let hasLeadingSpace = self.steps.contains(.leadingSpace)
        self.write(kind.octet) { step.writeData(into: &$0, leadingSpace: hasLeadingSpace) }
        self.state =
            if let silent = kind.silent, self.steps.contains(silent) { .answering(.continue) } else { .asking(kind) }
    }

    private mutating func beginMessage() {
        if case .nextMessage = self.interest { self.interest = .message }
        self.wantsMoreBody = true
        self.changes = 0
    }

    /// The message under way will not be finished.
    public mutating func abort() {
        self.write(UInt8(ascii: "A")) { _ in }
        if case .nextMessage = self.interest { self.interest = .message }
    }

    public mutating func quit() { self.write(UInt8(ascii: "Q")) { _ in } }

    public mutating func receive(_ octets: ByteBuffer) { self.input.writeImmutableBuffer(octets) }

    // MARK: what comes out

    /// The next thing to do; `nil` until more octets come. After an error nothing sensible follows.
    public mutating func next() throws(MilterError) -> Action? {
        switch self.state {
        case .answering(let answer):
            self.state = .idle
            return .answer(answer)
        case .new, .idle:
            // Only what was asked for is answered.
            if let (code, _) = try self.nextPacket() { throw .unexpected(code) }
            return self.takeOutput()
        case .negotiating:
            if let output = self.takeOutput() { return output }
            guard let (code, data) = try self.nextPacket() else { return nil }
            guard case .negotiate(let version, let actions, let steps, let macros) = try self.read(code, data) else {
                throw .unexpected(code)
            }
            try self.negotiated(version, actions, steps, macros)
            self.state = .idle
            return .answer(.continue)
        case .asking(let kind):
            if let output = self.takeOutput() { return output }
            guard let (code, data) = try self.nextPacket() else { return nil }
            return try self.answered(kind, code, self.read(code, data))
        }
    }

    /// What is to be sent by now, where the driver does not wait for an answer.
    public mutating func takeOutput() -> Action? {
        guard self.output.readableBytes > 0 else { return nil }
        var output = ByteBuffer()
        swap(&output, &self.output)
        return .send(output)
    }

    /// Octets that ``takeOutput()`` would give.
    public var outputOctets: Int { self.output.readableBytes }

    private mutating func negotiated(
        _ version: UInt32, _ actions: MilterActions, _ steps: MilterSteps, _ macros: [UInt32: Set<String>]
    ) throws(MilterError) {
        guard (2...6).contains(version) else { throw .version(version) }
        let offered = version < 6 ? MilterSteps.offeredBefore6 : .offered
        let excess = (actions.subtracting(.offered), steps.subtracting(offered))
        guard excess.0.isEmpty, excess.1.isEmpty else {
            throw .notOffered(actions: excess.0.rawValue, steps: excess.1.rawValue)
        }
        self.version = version
        self.actions = actions
        self.steps = steps
        self.macros = macros
    }

    private mutating func answered(
        _ kind: MilterStep.Kind, _ code: MilterCode, _ response: MilterResponse
    ) throws(MilterError) -> Action {
        switch response {
        case .negotiate: throw .unexpected(code)
        case .progress: return .progress
        case .skip:
            guard kind == .body, self.steps.contains(.skip) else { throw .unexpected(code) }
            self.wantsMoreBody = false
            self.state = .idle
            return .answer(.continue)
        case .change(let change):
            guard kind == .endOfMessage else { throw .unexpected(code) }
            if let needed = MilterActions(neededFor: code), !self.actions.isSuperset(of: needed) {
                throw .notNegotiated(code)
            }
            if case .body = change {} else { self.changes += 1 }
            guard self.changes <= Self.changesLimit else { throw .tooManyChanges(limit: Self.changesLimit) }
            return .change(change)
        case .answer(let answer):
            // There is no message yet that could be thrown away.
            if answer == .discard, kind == .connect || kind == .hello { throw .unexpected(code) }
            self.state = .idle
            self.note(answer, to: kind)
            return .answer(answer)
        }
    }

    /// What is decided of a message, or of the session, needs no more questions.
    private mutating func note(_ answer: MilterAnswer, to kind: MilterStep.Kind) {
        switch (answer, kind) {
        case (.continue, .endOfMessage): self.interest = .nextMessage
        case (.continue, _): break
        case (.shutDown, _), (.accept, .connect), (.accept, .hello), (.reject, .connect), (.reply, .connect),
            (.temporaryFailure, .connect):
            self.interest = .nothing
        // It refuses a recipient, or a greeting, and not the message.
        case (.reject, .recipient), (.temporaryFailure, .recipient), (.reply, .recipient), (.reject, .hello),
            (.temporaryFailure, .hello), (.reply, .hello):
            break
        case (.accept, _), (.reject, _), (.temporaryFailure, _), (.discard, _), (.reply, _):
            self.interest = .nextMessage
        }
    }

    // MARK: packets

    private func read(_ code: MilterCode, _ data: ByteBuffer) throws(MilterError) -> MilterResponse {
        try MilterResponse(code, data, hasLeadingSpace: self.steps.contains(.leadingSpace))
    }

    /// The next whole packet: four octets of length, a code, and data.
    private mutating func nextPacket() throws(MilterError) -> (MilterCode, ByteBuffer)? {
        guard let announced = self.input.getInteger(at: self.input.readerIndex, as: UInt32.self) else { return nil }
        let octets = Int(announced)
        guard (1...Self.packetLimit).contains(octets) else { throw .packetTooLarge(octets: octets) }
        if let octet = self.input.getInteger(at: self.input.readerIndex + 4, as: UInt8.self),
            MilterCode(rawValue: octet) == nil
        {
            throw .unknown(octet: octet)
        }
        guard self.input.readableBytes >= 4 + octets else { return nil }
        self.input.moveReaderIndex(forwardBy: 4)
        guard var packet = self.input.readSlice(length: octets),
            let code = packet.readInteger(as: UInt8.self).flatMap(MilterCode.init)
        else { preconditionFailure("a packet that was there") }
        self.input.discardReadBytes()
        return (code, packet)
    }

    private mutating func write(_ code: UInt8, _ body: (inout ByteBuffer) -> Void) {
        let start = self.output.writerIndex
        self.output.writeInteger(UInt32(0))
        self.output.writeInteger(code)
        body(&self.output)
        self.output.setInteger(UInt32(self.output.writerIndex - start - 4), at: start)
    }

    private mutating func write(_ macros: MilterMacros, _ kind: MilterStep.Kind) {
        guard let stage = kind.macroStage else { return }
        let chosen = macros.chosen(self.macros[stage] ?? MilterMacros.usual(kind))
        guard !chosen.isEmpty else { return }
        self.write(UInt8(ascii: "D")) { buffer in
            buffer.writeInteger(kind.octet)
            for (name, value) in chosen {
                buffer.writeMilterText(name)
                buffer.writeMilterText(value)
            }
        }
    }
}
