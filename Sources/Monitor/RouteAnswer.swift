/// Where mail for an address would go from one node now, and why.
public struct RouteAnswer: Hashable, Sendable, Codable {
    /// A host of the next hop, in the order in which they are tried.
    public struct Host: Hashable, Sendable, Codable {
        /// `mx1.example.org:25`
        public var name: String
        /// Of its MX record.
        public var preference: Int?
        /// What is demanded of its TLS: `never`, `if-offered`, `encrypted`, `verified`; `passed-over`: no mail goes there.
        public var demand: String
        /// Whose demand that is, and why: `dane`, `mta-sts`, `route`.
        public var policy: String
        public var why: String
        public init(name: String, preference: Int?, demand: String, policy: String, why: String) {
            self.name = name
            self.preference = preference
            self.demand = demand
            self.policy = policy
            self.why = why
        }
    }

    public var node: String
    public var address: String
    /// The name that the routes are asked for.
    public var domain: String
    /// The number of the `[[route]]` that takes it, from 1, and its `domain`; `nil`: none does.
    public var number: Int?
    public var rule: String?
    /// Where the operator sends it instead of where the route leads.
    public var detour: String?
    /// The next hop as it is now.
    public var destination: DestinationRow?
    public var hosts: [Host]
    /// Why there are no hosts; `nil`: there are.
    public var problem: String?
    public init(
        node: String, address: String, domain: String, number: Int? = nil, rule: String? = nil, detour: String? = nil,
        destination: DestinationRow? = nil, hosts: [Host] = [], problem: String? = nil
    ) {
        self.node = node
        self.address = address
        self.domain = domain
        self.number = number
        self.rule = rule
        self.detour = detour
        self.destination = destination
        self.hosts = hosts
        self.problem = problem
    }

    /// Whether mail would be tried at all, now or later.
    public var leads: Bool { self.hosts.contains { $0.demand != "passed-over" } }
}
