import Mail
import Monitor
import NIOCore
import SMTP

extension Relay {
    /// Where mail for an address would go now: the route that takes it, what the operator ordered instead, the hosts that are
    /// found there, and what is demanded of their TLS.
    ///
    /// - Parameter address: `bob@example.org`, with a source route perhaps; or a domain.
    func route(_ address: String) async throws -> RouteAnswer {
        guard let path = Self.path(address) else {
            throw FeedError(
                .invalid, "\(address) is no address: name a recipient, such as bob@example.org, or a domain")
        }
        let loop = self.queue.loop
        let (way, hop) = try await loop.submit { self.way(of: path, address) }.get()
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

    private static func path(_ address: String) -> ForwardPath? {
        let bare = address.hasPrefix("<") && address.hasSuffix(">") ? String(address.dropFirst().dropLast()) : address
        // Of a domain any recipient will do: routes know domains alone.
        let whole = bare.contains("@") ? bare : "postmaster@\(bare)"
        return try? ForwardPath(parsing: "<\(whole)>", utf8: true)
    }

    /// What the routes and the operator say. On the queue's loop.
    private func way(of path: ForwardPath, _ address: String) -> (answer: RouteAnswer, hop: NextHop?) {
        let configuration = self.queue.scheduler.configuration
        let domain = RouteTable.routedDomain(of: path, hostname: configuration.hostname)
        var answer = RouteAnswer(node: self.node, address: address, domain: domain)
        guard let index = configuration.routes.firstIndex(where: { $0.pattern.matches(domain) }) else {
            return (answer, nil)
        }
        answer.number = index + 1
        answer.rule = configuration.routes[index].pattern.description
        let hop = configuration.routes[index].nextHop(for: domain)
        guard let detour = self.queue.scheduler.destinations.orders.detours[hop.description] else {
            return (answer, hop)
        }
        answer.detour = detour.description
        return (answer, RouteTable(configuration.routes).nextHop(for: domain, by: detour, insteadOf: hop))
    }
}
