import Mail
import SMTP

/// The destinations that there are, each at an index that is used again when nothing is left of it, and the routes by which
/// recipients find theirs.
struct DestinationTable {
    typealias Index = QueueIndex.DestinationIndex

    private var table: [Destination] = []
    private var free: [Index] = []
    private var indices: [NextHop: Index] = [:]
    /// The number of the newest destination. Who noted something by index knows by it which of them came later.
    private(set) var newest = 0
    private var routes: RouteTable
    private(set) var hostname: String
    /// Goes up when the routes change.
    private(set) var routing = 0
    /// What the operator ordered about them.
    private(set) var orders = DestinationOrders()
    /// The domain that was asked for last, which is the next one of many too.
    private var lastRouted: (domain: String, destination: Index)?

    init(_ configuration: RelayConfiguration) {
        self.routes = RouteTable(configuration.routes)
        self.hostname = configuration.hostname
    }

    /// - Parameter index: of a destination that there is.
    subscript(index: Index) -> Destination {
        _read { yield self.table[Int(index)] }
        _modify { yield &self.table[Int(index)] }
    }

    /// How many there were at the same time.
    var capacity: Int { self.table.count }
    var count: Int { self.indices.count }
    var all: some Sequence<Index> {
        (0..<Index(self.table.count)).lazy.filter { !self.table[Int($0)].isRemoved }
    }

    /// All places by index, with those of destinations that are gone.
    var places: [Destination] { self.table }

    /// Where a recipient goes by the routes as they are now; ``QueueIndex/unrouted`` without one.
    ///
    /// - Parameter detour: where the operator sends that recipient.
    mutating func route(_ path: ForwardPath, by detour: Detour? = nil) -> Index {
        let domain = RouteTable.routedDomain(of: path, hostname: self.hostname)
        if let detour {
            return self.index(
                of: self.routes.nextHop(for: domain, by: detour, insteadOf: self.routes.nextHop(for: domain)))
        }
        if let last = self.lastRouted, last.domain == domain { return last.destination }
        let destination = self.nextHop(for: domain).map { self.index(of: $0) } ?? QueueIndex.unrouted
        self.lastRouted = (domain, destination)
        return destination
    }

    private mutating func nextHop(for domain: String) -> NextHop? {
        guard let hop = self.routes.nextHop(for: domain) else { return nil }
        guard !self.orders.detours.isEmpty, let detour = self.orders.detours[hop.nameInOrders] else { return hop }
        return self.routes.nextHop(for: domain, by: detour, insteadOf: hop)
    }

    private mutating func index(of hop: NextHop) -> Index {
        if let known = self.indices[hop] { return known }
        self.newest += 1
        var destination = Destination(hop, number: self.newest)
        destination.obey(self.orders)
        let index: Index
        if let free = self.free.popLast() {
            index = free
            self.table[Int(index)] = destination
        } else {
            index = Index(self.table.count)
            self.table.append(destination)
        }
        self.indices[hop] = index
        return index
    }

    /// Nothing is left of it that is worth remembering.
    mutating func remove(_ index: Index) {
        self.indices[self[index].nextHop] = nil
        self[index].remove()
        self.free.append(index)
        if self.lastRouted?.destination == index { self.lastRouted = nil }
    }

    /// - Returns: whether mail may go elsewhere now.
    mutating func ordered(_ orders: DestinationOrders) -> Bool {
        let isElsewhere = orders.detours != self.orders.detours
        self.orders = orders
        for index in self.table.indices where !self.table[index].isRemoved { self.table[index].obey(orders) }
        if isElsewhere {
            self.lastRouted = nil
            self.routing += 1
        }
        return isElsewhere
    }

    mutating func routesChanged(_ configuration: RelayConfiguration) {
        self.routes = RouteTable(configuration.routes)
        self.hostname = configuration.hostname
        self.lastRouted = nil
        self.routing += 1
    }

    mutating func shift(by jump: Int64) { for index in self.table.indices { self.table[index].shift(by: jump) } }
}
