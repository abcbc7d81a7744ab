import DNS
import Monitor
import NIOConcurrencyHelpers
import NIOCore
import SMTP

/// Finds the mail exchangers of domains by DNS (RFC 5321 §5.1). Hosts that routes name need no finding.
final class MailExchangers: NextHopResolver {
    private struct State {
        var rules: ExchangerRules
        var listening: [SocketAddress] = []
        var own: OwnAddresses
    }
    private let resolver: StubResolver
    private let state: NIOLockedValueBox<State>

    init(_ resolver: StubResolver, _ configuration: RelayConfiguration) {
        self.resolver = resolver
        let rules = ExchangerRules(configuration)
        self.state = NIOLockedValueBox(State(rules: rules, own: OwnAddresses([], port: rules.port)))
    }

    func reload(_ configuration: RelayConfiguration) {
        self.state.withLockedValue { state in
            state.rules = ExchangerRules(configuration)
            state.own = OwnAddresses(state.listening, port: state.rules.port)
        }
    }

    /// Tells where this relay takes mail, so that it sends itself none.
    func listening(on addresses: [SocketAddress]) {
        self.state.withLockedValue { state in
            state.listening = addresses
            state.own = OwnAddresses(addresses, port: state.rules.port)
        }
    }

    func resolve(_ place: NextHop.Place, on eventLoop: any EventLoop) -> EventLoopFuture<Resolution> {
        switch place {
        case .hosts(let hosts): return eventLoop.makeSucceededFuture(Resolution(named: hosts))
        case .exchangers(let domain):
            let (rules, own) = self.state.withLockedValue { ($0.rules, $0.own) }
            if domain.isAddressLiteral {
                return eventLoop.makeSucceededFuture(Self.resolution(of: domain, rules, own))
            }
            guard let name = DomainName.ascii(domain.text) else {
                let reply = Reply(550, "5.1.2", "\(domain) is no domain name")
                return eventLoop.makeSucceededFuture(.refused(reply))
            }
            return self.resolver.lookUp(MX.self, of: name, on: eventLoop).flatMap { answer in
                switch rules.candidates(of: name, answer) {
                case .hosts(let hosts): self.resolve(name, hosts, rules, own, on: eventLoop)
                case .refused(let reply): eventLoop.makeSucceededFuture(.refused(reply))
                case .unavailable(let reason): eventLoop.makeSucceededFuture(.unavailable(reason))
                }
            }
        }
    }

    /// `[192.0.2.1]`: that host and no other (RFC 5321 §2.3.5).
    private static func resolution(of literal: Domain, _ rules: ExchangerRules, _ own: OwnAddresses) -> Resolution {
        guard let address = literal.literalAddress, let octets = Network.octets(address) else {
            return .refused(Reply(550, "5.1.2", "\(literal) is no address that is known here"))
        }
        if own.contains(octets) {
            return .refused(Reply(554, "5.4.6", "Mail for \(literal) loops: that address is ours"))
        }
        return Resolution(named: [SocketEndpoint(host: address, port: rules.port)])
    }

    private func resolve(
        _ domain: String, _ candidates: [MailHost], _ rules: ExchangerRules, _ own: OwnAddresses,
        on eventLoop: any EventLoop
    ) -> EventLoopFuture<Resolution> {
        // A relay that is no exchanger for anybody asks for no addresses here.
        let looked = own.isEmpty ? [] : candidates.map { self.isOurs($0, own, on: eventLoop) }
        return EventLoopFuture.whenAllSucceed(looked, on: eventLoop).map { answers in
            let ours = Set(zip(candidates, answers).filter(\.1).map(\.0))
            var random = SystemRandomNumberGenerator()
            return rules.resolution(of: domain, candidates, ours: ours.contains, using: &random)
        }
    }

    private func isOurs(
        _ host: MailHost, _ own: OwnAddresses, on eventLoop: any EventLoop
    ) -> EventLoopFuture<Bool> {
        let name = host.endpoint.host
        return self.resolver.lookUp(A.self, of: name, on: eventLoop)
            .and(self.resolver.lookUp(AAAA.self, of: name, on: eventLoop))
            .map { four, six in
                four.records.contains { own.contains($0.octets) } || six.records.contains { own.contains($0.octets) }
            }
    }
}

extension ExchangerRules {
    fileprivate init(_ configuration: RelayConfiguration) {
        self.init(
            hostname: DomainName.ascii(configuration.hostname) ?? configuration.hostname.lowercased(),
            port: configuration.delivery.exchangerPort)
    }
}

extension Domain {
    /// The address of a literal without what stands around it; `nil` for one with another tag (RFC 5321 §4.1.3).
    fileprivate var literalAddress: String? {
        guard self.isAddressLiteral, self.text.hasSuffix("]") else { return nil }
        let inside = self.text.dropFirst().dropLast()
        return inside.lowercased().hasPrefix("ipv6:") ? String(inside.dropFirst(5)) : String(inside)
    }
}
