import Mail
import Monitor
import NIOCore
import SMTP

/// Where mail for an address would go now: the route that takes it, what the operator ordered instead, the hosts that are found
/// there, and what is demanded of their TLS.
struct RouteQuestion: Sendable {
    let node: String
    let queue: Queue
    let overview: QueueOverview
    let exchangers: MailExchangers
    let policies: HostPolicies

    /// - Parameter address: `bob@example.org`, with a source route perhaps; a domain; or `postmaster`.
    func answer(for address: String) async throws -> RouteAnswer {
        let loop = self.queue.loop
        let (way, hop) = try await loop.submit { try self.way(of: address) }.get()
        var answer = way
        guard let hop else {
            answer.problem = "add a [[route]] with domain = \"\(way.domain)\" (or \"*\") and via = [\"host:port\"]"
            return answer
        }
        answer.destination = try await self.overview.destination(hop)
        var report = TLSPolicyReport(domain: way.domain)
        await report.look(at: hop, self.exchangers, self.policies, on: loop)
        answer.hosts = report.hosts.map { host in
            RouteAnswer.Host(
                name: host.host, preference: host.preference, demand: host.demand.rawValue, policy: host.policy,
                why: host.why)
        }
        answer.problem = report.problem
        return answer
    }

    /// The recipient that an operator means; `nil`: what was typed is neither an address nor a domain.
    static func path(_ address: String, _ configuration: RelayConfiguration) -> ForwardPath? {
        let bare = address.hasPrefix("<") && address.hasSuffix(">") ? String(address.dropFirst().dropLast()) : address
        if bare.lowercased() == "postmaster" { return .path(Path(mailbox: configuration.mailboxOfPostmaster)) }
        if bare.contains("@") { return try? ForwardPath(parsing: "<\(bare)>", utf8: true) }
        // Hardly any word is a domain, where nothing here knows it as one.
        let isDomain =
            bare.contains(".") || bare.hasPrefix("[") || bare.lowercased() == configuration.hostname.lowercased()
            || configuration.routes.contains { !$0.pattern.isAny && $0.pattern.matches(bare.lowercased()) }
        // Of a domain any recipient will do: routes know domains alone.
        return isDomain ? try? ForwardPath(parsing: "<postmaster@\(bare)>", utf8: true) : nil
    }

    /// What the routes and the operator say. On the queue's loop.
    private func way(of address: String) throws(FeedError) -> (answer: RouteAnswer, hop: NextHop?) {
        let configuration = self.queue.scheduler.configuration
        guard let path = Self.path(address, configuration) else {
            throw FeedError(
                .invalid, "\(address) is no address: name a recipient, such as bob@example.org, or a domain")
        }
        let domain = RouteTable.routedDomain(of: path, hostname: configuration.hostname)
        var answer = RouteAnswer(node: self.node, address: address, domain: domain)
        guard let index = configuration.routes.firstIndex(where: { $0.pattern.matches(domain) }) else {
            return (answer, nil)
        }
        answer.number = index + 1
        answer.rule = configuration.routes[index].pattern.description
        let hop = configuration.routes[index].nextHop(for: domain)
        guard let detour = self.queue.scheduler.destinations.orders.detours[hop.nameInOrders] else {
            return (answer, hop)
        }
        answer.detour = detour.description
        return (answer, RouteTable(configuration.routes).nextHop(for: domain, by: detour, insteadOf: hop))
    }
}
