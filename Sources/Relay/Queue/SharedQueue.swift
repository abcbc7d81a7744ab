import Mail
import NIOCore
import Spool

/// The queue of a node that shares it with others: keeps what is in memory in line with what the spool says of messages and
/// who holds them. Everything runs on the queue's loop.
struct SharedQueue: Sendable {
    let queue: Queue
    /// This node's number.
    let node: UInt8

    /// Compares what is in memory with what the spool says of messages.
    ///
    /// - Returns: those that are to be read, since they are new here, or other than was known; and those of our own that are
    ///   not in memory.
    func compare(_ messages: [MessageHolder]) -> (unknown: [QueueID], strays: [QueueID]) {
        var (unknown, strays): ([QueueID], [QueueID]) = ([], [])
        self.queue.tell { scheduler, now in
            for message in messages {
                let slot = scheduler.index.slot(of: message.message)
                guard let generation = message.generation, let holder = message.holder else {
                    if slot != nil { scheduler.messageRead(message.message, nil, at: now) }
                    continue
                }
                guard let slot else {
                    if holder != self.node { unknown.append(message.message) } else { strays.append(message.message) }
                    continue
                }
                if holder != self.node { scheduler.handedOn(slot, to: holder) }
                let isKnown = scheduler.index.holders[Int(slot)] == self.other(holder)
                if !isKnown || scheduler.index.generations[Int(slot)] < generation { unknown.append(message.message) }
            }
        }
        return (unknown, strays)
    }

    /// `nil`: it is this node.
    private func other(_ holder: UInt8) -> UInt8? { holder == self.node ? nil : holder }

    func knows(_ id: QueueID) -> Bool { self.queue.scheduler.index.slot(of: id) != nil }

    /// Takes up messages as they were read.
    func read(_ messages: [HeldMessage]) {
        self.queue.tell { scheduler, now in
            for held in messages {
                let id = held.message.id
                // Our own, settled since it was read, does not come back.
                guard held.holder != self.node || scheduler.index.slot(of: id) != nil else { continue }
                self.queue.hasChanged(id)
                scheduler.messageRead(id, held.message, holder: self.other(held.holder), at: now)
            }
        }
        self.queue.lookAgain(at: messages.lazy.map(\.message))
    }

    /// Takes up messages that this node has from now on.
    func takenOver(_ messages: [SpooledMessage]) {
        self.queue.tell { scheduler, now in for message in messages { scheduler.takenOver(message, at: now) } }
        self.queue.lookAgain(at: messages)
    }

    /// The messages that are in memory.
    func known() -> EventLoopFuture<Set<QueueID>> {
        let known = NIOLoopBoundBox<Set<QueueID>>([], eventLoop: self.queue.loop)
        return self.queue.scan { known.value.insert(self.queue.scheduler.index.id($0)) }.map { known.value }
    }

    /// Forgets messages that the spool does not have any more.
    func areGone(_ messages: Set<QueueID>) {
        self.queue.tell { scheduler, now in for id in messages { scheduler.messageRead(id, nil, at: now) } }
    }
}
