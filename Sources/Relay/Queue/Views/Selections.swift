import Mail
import Monitor
import NIOCore
import Spool

/// Which recipients an order names, each by identity and generation.
struct Selections: Sendable {
    private let queue: Queue
    private let frozen: NIOLoopBoundBox<FrozenTargets>

    init(_ queue: Queue) {
        self.queue = queue
        self.frozen = .makeBoxSendingValue(FrozenTargets(after: Int.random(in: 0..<1 << 52)), eventLoop: queue.loop)
    }

    /// From any thread.
    ///
    /// - Parameter owner: whose selection it is.
    func freeze(_ query: QueueQuery, of owner: String) async throws -> FrozenSet {
        try await self.queue.loop.flatSubmit {
            self.select(query.filter).map { selection in
                FrozenSet(
                    id: self.keep(selection.targets, of: owner), recipients: selection.targets.count,
                    messages: selection.messages, sample: selection.sample, active: selection.active)
            }
        }.get()
    }

    /// - Parameters:
    ///   - owner: whose selection it is.
    ///   - order: what touched them.
    func keep(
        _ targets: [RecipientTarget], of owner: String, touchedBy order: Order.Action? = nil
    ) -> FrozenSetID {
        FrozenSetID(node: self.queue.node, id: self.frozen.value.keep(targets, of: owner, touchedBy: order))
    }

    /// An order on a set that is kept was carried out.
    func ordered(_ order: Order.Action, on set: FrozenSetID, touched: [RecipientTarget]) {
        self.frozen.value.ordered(order, on: set.id, touched: touched)
    }

    /// Recipients that were dropped are again as they were.
    func revived(_ changes: [Applied.Change]) {
        for change in changes {
            guard let generation = change.revives else { continue }
            let before = RecipientTarget(
                message: change.message, index: change.recipient.index, generation: generation)
            self.frozen.value.revive(before, as: change.recipient.generation)
        }
    }

    /// The unsettled recipients that match, and no others of their messages.
    func select(
        _ filter: FilterExpression, where isWanted: @escaping (QueueIndex.Row) -> Bool = { _ in true }
    ) -> EventLoopFuture<Selection> {
        let matcher = QueueMatcher(filter, in: self.queue)
        let selection = NIOLoopBound(SelectionUnderWay(), eventLoop: self.queue.loop)
        return self.queue.scan { slot in
            let rows = self.queue.scheduler.index.rows(of: slot).filter {
                matcher.matches($0, of: slot) && isWanted($0)
            }
            let targets = rows.compactMap { self.target($0) }
            guard !targets.isEmpty else { return }
            let active = rows.count { self.queue.scheduler.index.states[Int($0)] == .active }
            selection.value.add(targets, active: active) {
                QueueRow(slot, as: matcher, of: self.queue, where: isWanted)
            }
        }.map { selection.value.selection }
    }

    private func target(_ row: QueueIndex.Row) -> RecipientTarget? {
        guard !self.queue.scheduler.index.states[Int(row)].isSettled else { return nil }
        return RecipientTarget(
            message: self.queue.scheduler.index.id(self.queue.scheduler.index.rowSlot[Int(row)]),
            index: Int(self.queue.scheduler.index.rowIndex[Int(row)]),
            generation: self.queue.scheduler.index.rowGenerations[Int(row)])
    }

    /// - Throws: ``FeedError`` `.gone` for a set that is no longer kept.
    func named(_ targets: Targets, skipped: inout [SkipReason: Int]) throws -> [RecipientTarget] {
        switch targets {
        case .messages(let references, let filter):
            let matcher = QueueMatcher(filter, in: self.queue)
            var named: [RecipientTarget] = []
            for reference in references {
                guard let slot = QueueID(reference.id).flatMap({ self.queue.scheduler.index.slot(of: $0) }) else {
                    skipped[.gone, default: 0] += 1
                    continue
                }
                let rows = self.queue.scheduler.index.rows(of: slot).filter { matcher.matches($0, of: slot) }
                    .compactMap { self.target($0) }
                if Int(self.queue.scheduler.index.generations[Int(slot)]) == reference.generation {
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
            guard let kept = self.frozen.value.targets(id.id) else {
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
    /// Of the recipients those of an attempt under way.
    var active = 0
    /// The first few, to show.
    var sample: [QueueRow] = []
}

/// A reference, so that the scan's closure can add to it.
private final class SelectionUnderWay {
    var selection = Selection()

    /// - Parameters:
    ///   - targets: of one message.
    ///   - active: so many of these are tried now.
    ///   - row: the message, as these alone show it.
    func add(_ targets: [RecipientTarget], active: Int, _ row: () -> QueueRow) {
        self.selection.targets += targets
        self.selection.active += active
        self.selection.messages += 1
        if self.selection.sample.count < 5 { self.selection.sample.append(row()) }
    }
}
