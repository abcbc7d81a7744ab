import Mail
import Monitor
import NIOCore
import Spool

/// Which recipients an order names, each by identity and generation.
extension Queue {
    /// From any thread.
    func freeze(_ query: QueueQuery) async throws -> FrozenSet {
        try await self.loop.flatSubmit {
            self.select(query.filter).map { selection in
                FrozenSet(
                    id: self.keep(selection.targets), recipients: selection.targets.count,
                    messages: selection.messages, sample: selection.sample)
            }
        }.get()
    }

    func keep(_ targets: [RecipientTarget]) -> FrozenSetID {
        FrozenSetID(node: self.node, id: self.frozen.keep(targets))
    }

    /// The unsettled recipients that match, and no others of their messages.
    func select(
        _ filter: FilterExpression, where isWanted: @escaping (QueueIndex.Row) -> Bool = { _ in true }
    ) -> EventLoopFuture<Selection> {
        let matcher = QueueMatcher(filter, in: self)
        let selection = NIOLoopBound(SelectionUnderWay(), eventLoop: self.loop)
        return self.scan { slot in
            let targets = self.scheduler.index.rows(of: slot).filter { matcher.matches($0, of: slot) && isWanted($0) }
                .compactMap { self.target($0) }
            selection.value.add(targets, of: slot, as: matcher, in: self)
        }.map { selection.value.selection }
    }

    private func target(_ row: QueueIndex.Row) -> RecipientTarget? {
        guard !self.scheduler.index.states[Int(row)].isSettled else { return nil }
        return RecipientTarget(
            message: self.scheduler.index.id(self.scheduler.index.rowSlot[Int(row)]), index: Int(self.scheduler.index.rowIndex[Int(row)]),
            generation: self.scheduler.index.rowGenerations[Int(row)])
    }

    /// - Throws: ``FeedError`` `.gone` for a set that is no longer kept.
    func named(_ targets: Targets, skipped: inout [SkipReason: Int]) throws -> [RecipientTarget] {
        switch targets {
        case .messages(let references, let filter):
            let matcher = QueueMatcher(filter, in: self)
            var named: [RecipientTarget] = []
            for reference in references {
                guard let slot = QueueID(reference.id).flatMap({ self.scheduler.index.slot(of: $0) }) else {
                    skipped[.gone, default: 0] += 1
                    continue
                }
                let rows = self.scheduler.index.rows(of: slot).filter { matcher.matches($0, of: slot) }
                    .compactMap { self.target($0) }
                if Int(self.scheduler.index.generations[Int(slot)]) == reference.generation {
                    named += rows
                } else {
                    skipped[.changed, default: 0] += max(rows.count, 1)
                }
            }
            return named
        case .recipients(let references):
            return references.compactMap { reference in
                QueueID(reference.message).map {
                    RecipientTarget(
                        message: $0, index: reference.index, generation: UInt32(clamping: reference.generation))
                }
            }
        case .frozen(let id):
            guard let kept = self.frozen.targets(id.id) else {
                throw FeedError(.gone, "what was selected is no longer known: select again")
            }
            return kept
        }
    }
}

/// What a filter found.
struct Selection: Sendable {
    /// All recipients of a message stand together.
    var targets: [RecipientTarget] = []
    var messages = 0
    /// The first few, to show.
    var sample: [QueueRow] = []
}

/// A reference, so that the scan's closure can add to it.
private final class SelectionUnderWay {
    var selection = Selection()

    func add(_ targets: [RecipientTarget], of slot: QueueIndex.Slot, as matcher: QueueMatcher, in queue: Queue) {
        guard !targets.isEmpty else { return }
        self.selection.targets += targets
        self.selection.messages += 1
        if self.selection.sample.count < 5 { self.selection.sample.append(queue.queueRow(slot, matcher)) }
    }
}

/// What was frozen for an order that waits for a person, and what orders touched, so that they can be turned round: the
/// latest, and of large ones fewer.
struct FrozenTargets {
    private static let limit = 64
    private static let targetsLimit = 1_000_000
    private var sets: [(id: Int, targets: [RecipientTarget])] = []
    private var last = 0

    mutating func keep(_ targets: [RecipientTarget]) -> Int {
        self.last += 1
        self.sets.append((self.last, targets))
        while self.sets.count > Self.limit
            || self.sets.count > 1 && self.sets.reduce(0, { $0 + $1.targets.count }) > Self.targetsLimit
        {
            self.sets.removeFirst()
        }
        return self.last
    }
    func targets(_ id: Int) -> [RecipientTarget]? { self.sets.first { $0.id == id }?.targets }
}
