import Mail
import Monitor
import SMTP

extension QueueRow {
    /// A message as the queue has it now.
    ///
    /// - Parameters:
    ///   - matcher: whose recipients the row stands for.
    ///   - isWanted: and which of these alone.
    init(
        _ slot: QueueIndex.Slot, as matcher: QueueMatcher, of queue: Queue,
        where isWanted: (QueueIndex.Row) -> Bool = { _ in true }
    ) {
        let (scheduler, now) = (queue.scheduler, queue.now)
        let index = scheduler.index
        let leading = matcher.leadingRow(slot, where: isWanted)
        var counts = RecipientCounts()
        var matching = 0
        for row in index.rows(of: slot) {
            let state = index.states[Int(row)]
            counts[state] += 1
            if !state.isSettled, matcher.matches(row, of: slot), isWanted(row) { matching += 1 }
        }
        self.init(
            ref: MessageRef(slot, of: queue), arrived: Timestamp(milliseconds: index.arrived[Int(slot)]),
            contentOctets: index.octets[Int(slot)], state: index.states[Int(leading)], recipients: counts,
            matching: matching, from: index.reversePath(slot), to: index.forwardPath(leading),
            tries: Int(index.tries[Int(leading)]), nextAttempt: scheduler.nextAttempt(leading, at: now),
            destination: scheduler.destination(of: leading).map { scheduler.destinations[$0].nextHop.description },
            lastReply: scheduler.reason(leading, at: now), why: scheduler.why(leading, at: now),
            client: index.string(index.clients[Int(slot)]), tls: index.string(index.tls[Int(slot)]),
            user: index.string(index.users[Int(slot)]), progress: queue.progress(leading),
            holder: index.holders[Int(slot)].map { scheduler.nodeName($0) })
    }
}

extension MessageRef {
    init(_ slot: QueueIndex.Slot, of queue: Queue) {
        self.init(
            node: queue.node, id: queue.scheduler.index.id(slot).description,
            generation: Int(queue.scheduler.index.generations[Int(slot)]))
    }
}
