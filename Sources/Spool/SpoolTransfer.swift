import Mail
public import NIOCore
public import NIOPosix

/// Copies what is queued, and the standing rules, from one spool into another of whatever kind. It can be done again after it
/// was broken off: what is there already stays as it is. The source is left as it was.
public struct SpoolTransfer: Sendable {
    /// What a copy did.
    public struct Report: Sendable, Hashable {
        /// Messages that were copied, and compared with the source.
        public var copied = 0
        /// Messages that were there already.
        public var present = 0
        /// Messages with no recipient left to deliver to: kept for the undo of a drop alone, which is not copied.
        public var settled = 0
        public var rules = 0
        /// Messages that cannot be read, or whose content is not what was accepted.
        public var damaged: [Damage] = []
        public init() {}
    }

    private static let page = 500
    private static let pieceOctets = 128 << 10

    private let source: any Spool
    private let target: any Spool
    private let threads: NIOThreadPool
    private let loop: any EventLoop

    /// - Parameters:
    ///   - source: nobody else changes it meanwhile.
    ///   - threads: content is written there.
    public init(from source: any Spool, to target: any Spool, threads: NIOThreadPool, loop: any EventLoop) {
        self.source = source
        self.target = target
        self.threads = threads
        self.loop = loop
    }

    /// - Parameter progress: is told how many messages were looked at.
    /// - Throws: ``SpoolError``; what was copied until then stays, and is passed over the next time.
    public func run(progress: (Int) -> Void = { _ in }) async throws -> Report {
        var report = Report()
        let rules = try await self.copyRules(&report)
        var last: QueueID?
        var count = 0
        while true {
            let page = try await self.source.all(after: last, count: Self.page)
            guard let end = page.end else { return report }
            last = end
            report.damaged += page.damaged
            for message in page.messages {
                try await self.copy(message, rules, &report)
                count += 1
            }
            progress(count)
        }
    }

    /// Rules have new numbers in the target.
    ///
    /// - Returns: them as they were and as they are, by the old numbers.
    private func copyRules(_ report: inout Report) async throws -> [Int64: (old: StandingRule, new: StandingRule)] {
        let present = try await self.target.rules().rules
        var rules: [Int64: (old: StandingRule, new: StandingRule)] = [:]
        for rule in try await self.source.rules().rules {
            if let same = present.first(where: { $0.terms == rule.terms && $0.at == rule.at && $0.by == rule.by }) {
                rules[rule.id] = (rule, same)
                continue
            }
            rules[rule.id] = (
                rule, try await self.target.set(rule.terms, at: rule.at, by: rule.by, on: self.loop).get()
            )
            report.rules += 1
        }
        return rules
    }

    private func copy(
        _ message: SpooledMessage, _ rules: [Int64: (old: StandingRule, new: StandingRule)], _ report: inout Report
    ) async throws {
        guard message.recipients.contains(where: { !$0.state.isSettled }) else {
            report.settled += 1
            return
        }
        guard try await self.target.message(message.id) == nil else {
            report.present += 1
            return
        }
        var copy = message
        for place in copy.recipients.indices {
            let rule = copy.recipients[place].heldUnder.flatMap { rules[$0] }
            copy.recipients[place].heldUnder = rule?.new.id
            // Where it says which rule holds it, that is by the new number.
            if let rule, copy.recipients[place].lastReply == rule.old.description {
                copy.recipients[place].lastReply = rule.new.description
            }
        }
        do {
            let content = try await self.source.content(of: message.id, on: self.loop).get()
            guard content.octets == message.contentOctets else {
                throw SpoolError(.damaged, "its content has another size", queueID: message.id)
            }
            try await self.accept(copy, content)
        } catch let error as SpoolError where error.code == .damaged {
            report.damaged.append(Damage(message.id, error.description))
            return
        }
        try await self.compare(copy)
        report.copied += 1
    }

    /// Content that is not what was accepted fails before it is accepted here.
    private func accept(_ message: SpooledMessage, _ content: any ContentSource) async throws {
        guard content.octets > largestInlineContent else {
            let buffer = try await content.read(from: 0, count: content.octets, on: self.loop).get()
            return try await self.target.accept(NewMessage(message, content: .buffer(buffer)), on: self.loop).get()
        }
        let file = self.target.newContentFile(for: message.id)
        do {
            var octets = 0
            while octets < content.octets {
                let piece = try await content.read(from: octets, count: Self.pieceOctets, on: self.loop).get()
                octets += piece.readableBytes
                try await self.threads.runIfActive { try file.append(piece) }
            }
            try await self.threads.runIfActive { try file.finish() }
            try await self.target.accept(NewMessage(message, content: .file(file)), on: self.loop).get()
        } catch {
            try? await self.threads.runIfActive { file.discard() }
            throw error
        }
    }

    /// What the target now has is what was to be copied.
    private func compare(_ message: SpooledMessage) async throws {
        let (first, second) = (
            try await self.source.content(of: message.id, on: self.loop).get(),
            try await self.target.content(of: message.id, on: self.loop).get()
        )
        var isSame = try await self.target.message(message.id) == message && first.octets == second.octets
        var octets = 0
        while isSame, octets < first.octets {
            let piece = try await first.read(from: octets, count: Self.pieceOctets, on: self.loop).get()
            let copy = try await second.read(from: octets, count: Self.pieceOctets, on: self.loop).get()
            isSame = piece == copy && piece.readableBytes > 0
            octets += piece.readableBytes
        }
        guard isSame else {
            throw SpoolError(
                .damaged, "the copy of \(message.id) is not what was copied: look at the target's disk",
                queueID: message.id)
        }
    }
}
