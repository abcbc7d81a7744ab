public import Mail
public import NIOCore

/// The nodes that share one queue, as one of them sees it; only a store that several can open has one.
///
/// Each message is held by one node, which alone begins attempts at it. A node holds what it took in, and what it took over,
/// for as long as its lease is renewed. Outcomes and orders of any node are compared by generations, whoever holds the message;
/// but only who holds it tells its sender that it was not delivered (``Settled/stale``), since that is not so while another
/// delivers it.
public protocol Fleet: Sendable {
    /// This node's number, which its queue IDs carry.
    var node: UInt8 { get }
    /// The number of the lease that is surely on at this moment, which another one never has; `nil`: nothing is to be begun.
    /// Cheap, from any thread.
    var lease: Int64? { get }

    /// Calls from now on, on a thread of its own, when another node did what this one should look at soon: an order about mail that
    /// this one holds, a standing rule, a node that drains or stops. It may be lost, so who must know looks now and then. Once.
    func listen(_ heard: @escaping @Sendable () -> Void)
    /// What others changed since the call before; the first tells of no message. One caller at a time.
    func look() async throws -> FleetNews
    /// Who holds messages, all of them in order of their IDs, page by page.
    func holders(after id: QueueID?, count: Int) async throws -> [MessageHolder]
    /// Those of the messages that are there and can be read, whoever holds them.
    func messages(_ ids: [QueueID]) async throws -> [HeldMessage]
    /// Takes messages over from nodes that stopped, let go of theirs to drain, or whose lease is over: at most `count`.
    ///
    /// - Returns: them in order of their IDs; none when there are none, or when this node drains itself.
    func takeOver(_ count: Int) async throws -> Lease
    /// The nodes that there ever were, in order of their numbers, with what they hold.
    func nodes() async throws -> [FleetNode]
    /// From now on, also over a restart, the node takes no mail and its messages go to others; or it is as any other again.
    ///
    /// - Parameter fact: is written with it.
    /// - Returns: whether there is such a node.
    func drain(_ node: UInt8, _ isDraining: Bool, as fact: Fact?, on eventLoop: any EventLoop) -> EventLoopFuture<Bool>
    /// A node that is gone for good is none of the nodes from now on, and nothing is kept for its readers of facts. One that has
    /// its number later is a node again.
    ///
    /// - Parameter fact: is written with it.
    func forget(_ node: UInt8, as fact: Fact, on eventLoop: any EventLoop) -> EventLoopFuture<FleetForgetting>
    /// This node drains, and begins nothing more: from now on others may take what it holds.
    func letGo() async throws
    /// How what sites take is divided now. Cheap, and at any time: others may wait for what this node does about it.
    func sharing() async throws -> FleetSharing
    /// Tells the others by how many this node divides what a site takes. It may always divide by more; by fewer, or at all, only
    /// when each other node divides by as many as there are.
    ///
    /// - Parameter lease: ``lease``; another one begins without a share.
    /// - Returns: the sites that are crowded by others at the moment from which on it is so; `nil`: it is not.
    func divide(_ division: FleetDivision, under lease: Int64) async throws -> Set<String>?
    /// Gives permits back, takes those that are to be had, and says which ones the node has now. Who waits asks again, now and
    /// then and when it hears of others; what a node does not ask for any more it gives back by asking for none.
    ///
    /// - Parameters:
    ///   - requests: one for each site.
    ///   - lease: ``lease``, under which what is kept was had; it fails where that is over.
    /// - Returns: what each request came to, in their order.
    func permits(_ requests: [PermitRequest], under lease: Int64) async throws -> [PermitGrant]
}

extension Fleet {
    /// Without anybody's order.
    public func drain(_ node: UInt8, _ isDraining: Bool, on eventLoop: any EventLoop) -> EventLoopFuture<Bool> {
        self.drain(node, isDraining, as: nil, on: eventLoop)
    }
}

/// What became of the order to forget a node.
public enum FleetForgetting: Sendable, Hashable {
    case done
    /// There is no such node.
    case unknown
    /// Its lease is not over.
    case live
    /// Its lease is over, and a process that stands still, or does not reach the store, has its number or its row.
    case standing
}

/// Who reads all facts of a spool. Each node of a fleet has readers of its own.
public enum FactReader: String, Sendable, CaseIterable {
    case journal, log

    /// As it is named to the spool.
    public func name(at node: UInt8) -> String { node == 0 ? self.rawValue : "\(self.rawValue) of node \(node)" }
    public func name(of spool: any Spool) -> String { self.name(at: spool.fleet?.node ?? 0) }
}

/// How a node divides what a site takes among those that there are. Each that divides at all divides by as many nodes as do so, so
/// that all together never have more than that: who comes up has no share before the others have gone down to theirs.
public struct FleetDivision: Sendable, Hashable {
    /// Nodes with a share each; 0: this one has none yet.
    public var shares: Int
    /// Nodes that there ever were, as each of them may come back.
    public var known: Int
    /// Sites to which the node still has more connections than its share, until what is on its way there is over; by the names
    /// of ``PermitRequest/site``.
    public var crowded: Set<String>
    public init(shares: Int = 0, known: Int = 0, crowded: Set<String> = []) {
        self.shares = shares
        self.known = known
        self.crowded = crowded
    }
}

/// What a node goes by when it divides what sites take.
public struct FleetSharing: Sendable, Hashable {
    /// How many there are whose lease is not over, this one among them, but for those that drain and have nothing under way.
    public var live = 1
    /// How many there ever were.
    public var known = 1
    /// As this node told it last, under its lease.
    public var division = FleetDivision()
    /// Sites that others crowd: nobody opens one more connection there.
    public var crowded: Set<String> = []
    /// This node is to give its share up.
    public var isDraining = false
    public init() {}
}

/// What a node learns of the others.
public struct FleetNews: Sendable, Hashable {
    /// None whose lease is not over has a lower number than this one, which so does what one alone is to do.
    public var isFirst = true
    /// What the nodes call themselves, also those that are none any more.
    public var names: [UInt8: String] = [:]
    /// Those of them that are nodes now, up or not: neither forgotten nor a courier that has ended.
    public var present: Set<UInt8> = []
    /// This node is to take no mail, and lets others have its messages.
    public var isDraining = false
    /// Messages that somebody changed, or that are gone: maybe this node itself. Each is to be compared.
    public var changed: [MessageHolder] = []
    /// Nodes whose lease is over, and that did not stop by themselves; `nil`: they may just come back, as this one does.
    public var gone: Set<UInt8>?
    /// Standing rules were set, or ended.
    public var hasRules = false
    /// Another node took messages over: who holds which is to be asked anew.
    public var hasTakeovers = false
    /// Some of the others has messages that are to be had.
    public var hasAbsent = true
    /// There is more to tell at once.
    public var isMore = false
    public init() {}
}

/// Who holds a message, and how new it is.
public struct MessageHolder: Sendable, Hashable {
    public var message: QueueID
    /// The message's; `nil`: it is gone.
    public var generation: UInt32?
    /// A node; `nil`: it is gone.
    public var holder: UInt8?
    public init(_ message: QueueID, generation: UInt32?, holder: UInt8?) {
        self.message = message
        self.generation = generation
        self.holder = holder
    }
}

/// A message with the node that holds it.
public struct HeldMessage: Sendable, Hashable {
    public var message: SpooledMessage
    public var holder: UInt8
    public init(_ message: SpooledMessage, holder: UInt8) {
        self.message = message
        self.holder = holder
    }
}

/// One of the nodes on a queue, as the store knows it.
public struct FleetNode: Sendable, Hashable {
    public enum State: String, Sendable, Hashable, CaseIterable {
        case up, draining
        /// Its lease goes on, and it has missed to renew it: it may be gone, and nobody takes its messages yet.
        case silent
        /// It ended by itself.
        case stopped
        /// Its lease is over, and nobody said that it stopped.
        case gone
    }
    public var node: UInt8
    /// What the relay calls itself.
    public var name: String
    public var state: State
    /// What it is drained for a restart, too.
    public var isDrained: Bool
    /// Milliseconds since its lease was renewed, or it stopped.
    public var age: Int64
    /// Messages that it holds.
    public var messages: Int
    /// `hoptop 0.1.0`
    public var software: String
    public init(
        node: UInt8, name: String, state: State, isDrained: Bool, age: Int64, messages: Int, software: String
    ) {
        self.node = node
        self.name = name
        self.state = state
        self.isDrained = isDrained
        self.age = age
        self.messages = messages
        self.software = software
    }
}

extension Spool {
    public var fleet: (any Fleet)? { nil }

    /// A page of all messages, whichever node holds them.
    public func all(after id: QueueID?, count: Int) async throws -> Lease {
        guard let fleet = self.fleet else { return try await self.lease(after: id, count: count) }
        let ids = try await fleet.holders(after: id, count: count).map(\.message)
        let messages = try await fleet.messages(ids).map(\.message)
        let unread = Set(ids).subtracting(messages.map(\.id)).sorted()
        return Lease(messages, damaged: unread.map { Damage($0, "it is gone, or its row is damaged") }, end: ids.last)
    }
}
