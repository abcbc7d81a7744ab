public import DKIM
import Mail
import Monitor
import SMTP
import Spool

/// One `[[dkim]]`: a key that signs the mail of a domain (RFC 6376).
public struct SigningRule: Sendable, Hashable {
    /// The domain that answers for the mail, in lower case, as DNS knows it.
    public var domain: String
    /// Where below it DNS has the public key.
    public var selector: String
    /// A PEM file.
    public var key: String
    /// The domains of the From field for which it signs; empty: ``domain``.
    public var from: [DomainPattern]

    public init(domain: String, selector: String, key: String, from: [DomainPattern] = []) {
        self.domain = domain
        self.selector = selector
        self.key = key
        self.from = from
    }

    /// The key with its name, read from its file.
    ///
    /// - Throws: ``KeyringError`` when the file cannot be read, is open to everybody, or holds no key.
    public func signer() throws(KeyringError) -> Signer {
        let octets: [UInt8]
        do { octets = try Secret.octets(of: self.key, limit: Secret.octetsLimit) } catch {
            throw KeyringError(description: "\(error)")
        }
        do {
            let key = try SigningKey(pem: String(decoding: octets, as: UTF8.self))
            return Signer(domain: self.domain, selector: self.selector, key: key)
        } catch { throw KeyringError(description: "\(self.key) holds \(error)") }
    }

    /// - Parameter author: a domain in A-labels, lower case.
    func covers(_ author: String) -> Bool {
        self.from.isEmpty ? author == self.domain : self.from.contains { $0.matches(author) }
    }
}

/// Whose keys sign what mail. It never changes: a reload makes another.
final class SigningTable: Sendable {
    private let entries: [(rule: SigningRule, signer: Signer)]
    /// Where our own mail comes from.
    private let networks: [Network]

    init(_ configuration: RelayConfiguration) throws(KeyringError) {
        var entries: [(rule: SigningRule, signer: Signer)] = []
        for (index, rule) in configuration.signing.enumerated() {
            do { entries.append((rule, try rule.signer())) } catch { throw error.named(by: "dkim[\(index)].key") }
        }
        self.entries = entries
        self.networks = configuration.networks
    }

    /// Itself for mail that we answer for: it came from a user, from a client that may relay, or was made here. What others
    /// send to our domains bears the name of whoever they like, and passes as it is.
    func ifOurs(_ arrival: Arrival) -> SigningTable? {
        if arrival.user != nil || arrival.isOfOurs { return self }
        guard let peer = arrival.peer.flatMap({ SocketEndpoint($0) }), let octets = Network.octets(peer.host),
            self.networks.contains(where: { $0.contains(octets) })
        else { return nil }
        return self
    }

    /// - Parameter author: the domain of the From field, in lower case.
    func signers(for author: String) -> [Signer] {
        guard let name = DomainName.ascii(author) else { return [] }
        return self.entries.filter { $0.rule.covers(name) }.map(\.signer)
    }
}
