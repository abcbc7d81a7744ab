import Mail
import Monitor
import SMTP
import Spool

/// What memory knows of the queue: fixed-size columns, one row for each recipient; the spool holds the mail.
///
/// It exists once and has one owner. The scheduler and the Queue view read the same columns.
struct QueueIndex {
    /// The place of a message in the message columns, until it is removed.
    typealias Slot = Int32
    /// The place of a recipient in the recipient columns, until its message is removed.
    typealias Row = Int32
    /// The place of a destination among the queue's; ``unrouted`` for mail that no route takes.
    typealias DestinationIndex = Int32
    static let unrouted: DestinationIndex = -1
    /// Stands for the fingerprint of a failure's reply in this process; 0: it is no failure's.
    typealias FailureMark = Int

    /// Counts of recipients, indexed by `RecipientState.rawValue`.
    struct Counts {
        private var values: SIMD8<Int32> = .zero
        subscript(state: RecipientState) -> Int {
            get { Int(self.values[Int(state.rawValue)]) }
            set { self.values[Int(state.rawValue)] = Int32(newValue) }
        }
        var isEmpty: Bool { self.values == .zero }
        var unsettled: Int { self[.queued] + self[.active] + self[.deferred] + self[.hold] }
    }

    private struct Flags {
        static let moved: UInt8 = 1
        static let delayNoticed: UInt8 = 2
        /// NOTIFY=SUCCESS.
        static let wantsSuccess: UInt8 = 4
    }

    // Messages. A free slot has `ids` 0.
    private(set) var ids: [Int64] = []
    private(set) var arrived: [Int64] = []
    private(set) var octets: [Int] = []
    private(set) var generations: [UInt32] = []
    private(set) var firstRow: [Row] = []
    private(set) var fromText: [UInt32] = []
    /// How it came in: the client's address, TLS version and cipher, and the user who had logged in.
    private(set) var clients: [Interner.Name] = []
    private(set) var tls: [Interner.Name] = []
    private(set) var users: [Interner.Name] = []
    /// The other node that has it; `nil`: it is this one's.
    private(set) var holders: [UInt8?] = []
    private var freeSlots: [Slot] = []
    private var slots: [Int64: Slot] = [:]

    // Recipients.
    private(set) var rowSlot: [Slot] = []
    /// The next recipient of the same message, -1 at the last.
    private(set) var nextRow: [Row] = []
    private(set) var rowIndex: [UInt16] = []
    private(set) var states: [RecipientState] = []
    private var flags: [UInt8] = []
    private(set) var tries: [UInt16] = []
    private(set) var destinations: [DestinationIndex] = []
    private(set) var rowGenerations: [UInt32] = []
    /// Changes whenever the row does, so that what was noted about it elsewhere is known to be old.
    private(set) var stamps: [UInt32] = []
    private(set) var due: [Int64] = []
    private(set) var toText: [UInt32] = []
    /// Stands for the domain that it is routed by.
    private(set) var domains: [UInt64] = []
    private(set) var replies: [Interner.Name] = []
    /// Since when a deferred recipient has got no other reply, in seconds since 1970; 0: since before the node started.
    private(set) var failingSince: [UInt32] = []
    /// When the node started: what came since and is taken back into the queue has failed since it came, at the earliest.
    var started = Timestamp(milliseconds: .max)
    private var freeRows: [Row] = []

    /// Times on hold, of rows that are or were: since when, how long before, and by which standing rule.
    private var held: [Row: (since: Int64?, total: Int64, rule: Int64?)] = [:]
    /// Where the operator sends rows instead of where their route leads.
    private var detours: [Row: Detour] = [:]
    private var returns: [Row: String] = [:]
    /// How far those have come that go on at the next host of their list.
    private var passedHosts: [Row: PassedHosts] = [:]
    /// Priorities that are not 0 (RFC 6710).
    private var priorities: [Slot: Int8] = [:]
    private(set) var text = TextArena()
    private var interner = Interner()

    private(set) var messages = 0
    private(set) var contentOctets = 0
    private(set) var counts = Counts()
    private(set) var countsByDestination: [Counts] = []
    /// Changes with every change.
    private(set) var version = 0

    /// - Parameter count: as many as there are places for.
    mutating func makeRoom(forDestinations count: Int) {
        while self.countsByDestination.count < count { self.countsByDestination.append(Counts()) }
    }

    func slot(of id: QueueID) -> Slot? { self.slots[id.rawValue] }
    func id(_ slot: Slot) -> QueueID { QueueID(rawValue: self.ids[Int(slot)]) }
    func id(ofRow row: Row) -> QueueID { self.id(self.rowSlot[Int(row)]) }

    /// The rows of a message, in the order of its recipients.
    func rows(of slot: Slot) -> Rows { Rows(links: self.nextRow, row: self.firstRow[Int(slot)]) }

    /// Holds one column only; a copy of the whole index would cost more than what is done with a row.
    struct Rows: Sequence, IteratorProtocol {
        fileprivate let links: [Row]
        fileprivate var row: Row
        mutating func next() -> Row? {
            guard self.row >= 0 else { return nil }
            defer { self.row = self.links[Int(self.row)] }
            return self.row
        }
    }

    func row(of slot: Slot, index: Int) -> Row? { self.rows(of: slot).first { self.rowIndex[Int($0)] == index } }

    /// The same for many recipients of a message, whose `rows` are known: each is in the place of its index, if nothing was
    /// damaged.
    func row(among rows: [Row], index: Int) -> Row? {
        if rows.indices.contains(index), self.rowIndex[Int(rows[index])] == index { return rows[index] }
        return rows.first { self.rowIndex[Int($0)] == index }
    }

    func moved(_ row: Row) -> Bool { self.flags[Int(row)] & Flags.moved != 0 }
    func delayNoticed(_ row: Row) -> Bool { self.flags[Int(row)] & Flags.delayNoticed != 0 }
    func wantsSuccess(_ row: Row) -> Bool { self.flags[Int(row)] & Flags.wantsSuccess != 0 }
    func reply(_ row: Row) -> String? { self.interner[self.replies[Int(row)]] }
    /// On hold since it is not as it was written.
    func isDamaged(_ row: Row) -> Bool {
        self.states[Int(row)] == .hold && self.reply(row).map(SpoolError.tellsOfDamage) ?? false
    }
    /// What the last reply of a deferred recipient says.
    func failureMark(_ row: Row) -> FailureMark { self.interner.mark(of: self.replies[Int(row)]) }
    static func failureMark(of reply: String) -> FailureMark {
        let hash = ReplyFingerprint(of: reply).hashValue
        return hash == 0 ? 1 : hash
    }
    /// A reply, or another text that many share.
    func string(_ name: Interner.Name) -> String? { self.interner[name] }
    func priority(of row: Row) -> Int8 {
        self.priorities.isEmpty ? 0 : self.priorities[self.rowSlot[Int(row)]] ?? 0
    }
    func forwardPath(_ row: Row) -> String { self.text[self.toText[Int(row)]] }
    func reversePath(_ slot: Slot) -> String { self.text[self.fromText[Int(slot)]] }

    /// Whether its message is this node's to deliver.
    func isOurs(_ row: Row) -> Bool { self.holders[Int(self.rowSlot[Int(row)])] == nil }

    /// Whether this node has a message with a recipient that is left.
    func hasOwnUnsettled(_ slot: Slot) -> Bool {
        self.holders[Int(slot)] == nil && self.rows(of: slot).contains { !self.states[Int($0)].isSettled }
    }

    /// It is or was on hold, or its sender wanted it to wait.
    func wasHeld(_ row: Row) -> Bool { self.held[row] != nil }

    /// The standing rule that holds it, or did until somebody released it by hand; `nil`: there is none.
    func heldUnder(_ row: Row) -> Int64? { self.held.isEmpty ? nil : self.held[row]?.rule }
    /// How many recipients each standing rule holds.
    var heldByRule: [Int64: Int] {
        self.held.reduce(into: [:]) { counts, held in
            if let rule = held.value.rule, self.states[Int(held.key)] == .hold { counts[rule, default: 0] += 1 }
        }
    }
    /// `nil`: it goes where its route leads.
    func detour(_ row: Row) -> Detour? { self.detours.isEmpty ? nil : self.detours[row] }

    /// Who ordered at another node that it is bounced; `nil`: nobody.
    func returnedBy(_ row: Row) -> String? { self.returns.isEmpty ? nil : self.returns[row] }

    /// `nil`: it begins at the first host.
    func passedHosts(_ row: Row) -> PassedHosts? { self.passedHosts.isEmpty ? nil : self.passedHosts[row] }

    mutating func setPassedHosts(_ row: Row, _ hosts: PassedHosts?) {
        if hosts != nil || !self.passedHosts.isEmpty { self.passedHosts[row] = hosts }
    }

    /// Milliseconds that count to expiry: since arrival, without the time on hold or put off.
    func age(_ row: Row, at now: Timestamp) -> Int64 {
        now.milliseconds - self.arrived[Int(self.rowSlot[Int(row)])] - self.timeKeptBack(row, at: now)
    }

    private func timeKeptBack(_ row: Row, at now: Timestamp) -> Int64 {
        guard let held = self.held[row] else { return 0 }
        guard let since = held.since else { return held.total }
        let isHeld = self.states[Int(row)] == .hold
        return held.total + max((isHeld ? now.milliseconds : min(now.milliseconds, self.due[Int(row)])) - since, 0)
    }

    /// When it will be as old as that, if it is not put on hold: put off, it grows no older until it is due.
    func time(_ row: Row, ofAge age: Int64, at now: Timestamp) -> Timestamp {
        var from = now
        if self.held[row]?.since != nil, self.states[Int(row)] != .hold {
            from = Timestamp(milliseconds: max(now.milliseconds, self.due[Int(row)]))
        }
        return from.adding(milliseconds: age - self.age(row, at: from))
    }

    // MARK: changes

    /// - Parameters:
    ///   - destinations: where each recipient goes.
    ///   - now: by a clock that may have been ahead when the message arrived.
    /// - Returns: `nil` when it is known already.
    mutating func add(
        _ message: SpooledMessage, destinations: [DestinationIndex], at now: Timestamp
    ) -> Slot? {
        guard self.slots[message.id.rawValue] == nil, !message.recipients.isEmpty else { return nil }
        let slot = self.takeSlot()
        let place = Int(slot)
        self.ids[place] = message.id.rawValue
        self.arrived[place] = min(message.arrived, now).milliseconds
        self.octets[place] = message.contentOctets
        self.generations[place] = message.generation
        self.fromText[place] = self.text.append(message.reversePath.description)
        self.clients[place] = self.interner.take(message.arrival.peer.map(QueueRow.client))
        self.tls[place] = self.interner.take(message.arrival.tls)
        self.users[place] = self.interner.take(message.arrival.user)
        self.slots[message.id.rawValue] = slot
        if let priority = message.priority, priority != 0 { self.priorities[slot] = priority }
        var last: Row = -1
        for number in message.recipients.indices {
            let row = self.takeRow()
            self.fill(row, with: message.recipients[number], slot: slot, destination: destinations[number])
            if last < 0 { self.firstRow[place] = row } else { self.nextRow[Int(last)] = row }
            last = row
        }
        self.messages += 1
        self.contentOctets += message.contentOctets
        self.version += 1
        return slot
    }

    /// Another node has the message from now on; `nil`: this one.
    mutating func setHolder(_ slot: Slot, _ holder: UInt8?) {
        guard self.holders[Int(slot)] != holder else { return }
        self.holders[Int(slot)] = holder
        for row in self.rows(of: slot) { self.stamps[Int(row)] &+= 1 }
        self.version += 1
    }

    private mutating func fill(
        _ row: Row, with recipient: SpooledRecipient, slot: Slot, destination: DestinationIndex
    ) {
        let place = Int(row)
        self.rowSlot[place] = slot
        self.nextRow[place] = -1
        self.rowIndex[place] = UInt16(truncatingIfNeeded: recipient.index)
        self.flags[place] =
            (recipient.moved ? Flags.moved : 0) | (recipient.delayNoticed ? Flags.delayNoticed : 0)
            | (recipient.wantsSuccess ? Flags.wantsSuccess : 0)
        self.destinations[place] = destination
        self.setPath(row, recipient.forwardPath.description)
        self.states[place] = recipient.state
        let arrived = Timestamp(milliseconds: self.arrived[Int(slot)])
        self.failingSince[place] = recipient.state == .deferred && arrived >= self.started ? Self.seconds(arrived) : 0
        self.count(row, by: 1)
        self.copy(recipient, into: row)
    }

    /// What of a recipient changes while it is in the queue.
    private mutating func copy(_ recipient: SpooledRecipient, into row: Row) {
        let place = Int(row)
        self.rowGenerations[place] = recipient.generation
        self.tries[place] = recipient.tries
        self.flags[place] = self.flags[place] & ~Flags.moved | (recipient.moved ? Flags.moved : 0)
        self.due[place] = recipient.due.milliseconds
        self.setReply(row, recipient.lastReply)
        if recipient.state == .deferred { self.markFailure(row) }
        let isHeld = recipient.heldSince != nil || recipient.heldTotal > 0 || recipient.heldUnder != nil
        self.held[row] =
            isHeld ? (recipient.heldSince?.milliseconds, recipient.heldTotal, recipient.heldUnder) : nil
        if recipient.via != nil || !self.detours.isEmpty { self.detours[row] = recipient.detour }
        if recipient.returnedBy != nil || !self.returns.isEmpty { self.returns[row] = recipient.returnedBy }
        self.setPassedHosts(row, nil)
        self.stamps[place] &+= 1
    }

    /// The spool changed a recipient.
    ///
    /// - Returns: whether it may go elsewhere now.
    @discardableResult
    mutating func update(_ row: Row, to recipient: SpooledRecipient, messageGeneration: UInt32) -> Bool {
        let detour = self.detour(row)
        self.setState(row, recipient.state)
        self.copy(recipient, into: row)
        self.generations[Int(self.rowSlot[Int(row)])] = messageGeneration
        let path = recipient.forwardPath.description
        guard self.forwardPath(row) != path else { return self.detour(row) != detour }
        self.text.forget(self.toText[Int(row)])
        self.setPath(row, path)
        return true
    }

    private mutating func setPath(_ row: Row, _ path: String) {
        let start = self.text.append(path)
        self.toText[Int(row)] = start
        self.domains[Int(row)] = self.text.routedDomainHash(start)
    }

    /// An attempt ended as the spool has written down.
    mutating func settled(_ row: Row, _ outcome: Settlement.Outcome, messageGeneration: UInt32, at now: Timestamp) {
        let place = Int(row)
        let failure = self.failureMark(row)
        self.rowGenerations[place] = outcome.generation + 1
        if outcome.countsAsTry { self.tries[place] &+= 1 }
        if let due = outcome.due {
            // It is put off no more.
            if let held = self.held[row], held.since != nil {
                self.held[row] = (since: nil, total: self.timeKeptBack(row, at: now), rule: held.rule)
            }
            self.due[place] = due.milliseconds
        }
        if outcome.delayNoticed { self.flags[place] |= Flags.delayNoticed }
        if let reply = outcome.reply, !outcome.delayNoticed { self.setReply(row, reply) }
        if outcome.state == .deferred {
            self.markFailure(row)
            if self.failureMark(row) != failure { self.failingSince[place] = Self.seconds(now) }
        }
        self.generations[Int(self.rowSlot[place])] = messageGeneration
        self.setState(row, outcome.state)
    }

    /// Holds a row in memory alone, for a reason that the spool does not know.
    mutating func hold(_ row: Row, reason: String) {
        self.setReply(row, reason)
        self.setState(row, .hold)
    }

    /// The time of day jumped by so many milliseconds: all that happened, and will, is so much later by it.
    mutating func shift(by jump: Int64, to now: Timestamp) {
        for place in self.arrived.indices { self.arrived[place] = min(self.arrived[place] + jump, now.milliseconds) }
        for place in self.due.indices { self.due[place] += jump }
        for place in self.failingSince.indices where self.failingSince[place] != 0 {
            self.failingSince[place] = Self.seconds(
                Timestamp(milliseconds: Int64(self.failingSince[place]) * 1000 + jump))
        }
        self.held = self.held.mapValues { (since: $0.since.map { $0 + jump }, total: $0.total, rule: $0.rule) }
        self.version += 1
    }

    mutating func setState(_ row: Row, _ state: RecipientState) {
        self.count(row, by: -1)
        self.states[Int(row)] = state
        self.count(row, by: 1)
        self.stamps[Int(row)] &+= 1
        self.version += 1
    }

    mutating func setDestination(_ row: Row, _ destination: DestinationIndex) {
        self.count(row, by: -1)
        self.destinations[Int(row)] = destination
        self.setPassedHosts(row, nil)
        self.count(row, by: 1)
        self.stamps[Int(row)] &+= 1
        self.version += 1
    }

    mutating func remove(_ slot: Slot) {
        let place = Int(slot)
        var row = self.firstRow[place]
        while row >= 0 {
            let next = self.nextRow[Int(row)]
            self.count(row, by: -1)
            self.setReply(row, nil)
            self.text.forget(self.toText[Int(row)])
            self.held[row] = nil
            self.detours[row] = nil
            self.returns[row] = nil
            self.setPassedHosts(row, nil)
            self.stamps[Int(row)] &+= 1
            self.rowSlot[Int(row)] = -1
            self.freeRows.append(row)
            row = next
        }
        self.text.forget(self.fromText[place])
        self.interner.release(self.clients[place])
        self.interner.release(self.tls[place])
        self.interner.release(self.users[place])
        self.slots[self.ids[place]] = nil
        self.ids[place] = 0
        self.holders[place] = nil
        self.priorities[slot] = nil
        self.freeSlots.append(slot)
        self.messages -= 1
        self.contentOctets -= self.octets[place]
        self.version += 1
        if self.text.isWasteful { self.compactText() }
    }

    // MARK: its own bookkeeping

    private mutating func count(_ row: Row, by change: Int) {
        let state = self.states[Int(row)]
        self.counts[state] += change
        let destination = self.destinations[Int(row)]
        if destination >= 0 { self.countsByDestination[Int(destination)][state] += change }
    }

    private mutating func setReply(_ row: Row, _ reply: String?) {
        let old = self.replies[Int(row)]
        self.replies[Int(row)] = self.interner.take(reply)
        self.interner.release(old)
    }

    private mutating func markFailure(_ row: Row) {
        self.interner.mark(self.replies[Int(row)], by: Self.failureMark(of:))
    }

    private static func seconds(_ time: Timestamp) -> UInt32 { UInt32(clamping: max(time.milliseconds / 1000, 1)) }

    private mutating func takeSlot() -> Slot {
        if let slot = self.freeSlots.popLast() { return slot }
        self.ids.append(0)
        self.arrived.append(0)
        self.octets.append(0)
        self.generations.append(0)
        self.firstRow.append(-1)
        self.fromText.append(0)
        self.clients.append(0)
        self.tls.append(0)
        self.users.append(0)
        self.holders.append(nil)
        return Slot(self.ids.count - 1)
    }

    private mutating func takeRow() -> Row {
        if let row = self.freeRows.popLast() { return row }
        self.rowSlot.append(-1)
        self.nextRow.append(-1)
        self.rowIndex.append(0)
        self.states.append(.queued)
        self.flags.append(0)
        self.tries.append(0)
        self.destinations.append(Self.unrouted)
        self.rowGenerations.append(0)
        self.stamps.append(0)
        self.due.append(0)
        self.toText.append(0)
        self.domains.append(0)
        self.replies.append(0)
        self.failingSince.append(0)
        return Row(self.rowSlot.count - 1)
    }

    private mutating func compactText() {
        var moved = TextArena()
        for place in self.ids.indices where self.ids[place] != 0 {
            self.fromText[place] = moved.append(self.fromText[place], of: self.text)
            var row = self.firstRow[place]
            while row >= 0 {
                self.toText[Int(row)] = moved.append(self.toText[Int(row)], of: self.text)
                row = self.nextRow[Int(row)]
            }
        }
        self.text = moved
    }
}
