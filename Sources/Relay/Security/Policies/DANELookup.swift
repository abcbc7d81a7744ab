import DNS
import NIOCore
import TLSPolicy

/// Looks for the TLSA records of a host, as far as all on the way to it is signed (RFC 7672 §2.2).
struct DANELookup: Sendable {
    let dns: StubResolver

    /// - Parameter isExchanger: its name came out of MX records, or there were none.
    func finding(
        for host: MailHost, isExchanger: Bool, on eventLoop: any EventLoop
    ) -> EventLoopFuture<DANEFinding> {
        if isExchanger, !host.isSecure {
            return eventLoop.makeSucceededFuture(.unsigned("the MX records are not signed"))
        }
        let name = host.endpoint.host.lowercased()
        return self.dns.lookUp(A.self, of: name, on: eventLoop).and(self.dns.lookUp(AAAA.self, of: name, on: eventLoop))
            .flatMap { four, six in
                // §2.2.2: a host whose addresses cannot be validated is not connected to.
                if let words = four.failure(name) ?? six.failure(name) {
                    return eventLoop.makeSucceededFuture(.unreachable(words))
                }
                guard four.isSecure, six.isSecure else {
                    return eventLoop.makeSucceededFuture(.unsigned("the addresses of \(name) are not signed"))
                }
                // §2.2.3: the name at the end of CNAMEs comes first.
                let canonical = (four.canonicalName ?? six.canonicalName)?.description
                let bases = [canonical, name].compactMap { $0 }.reduce(into: [String]()) { names, name in
                    if !names.contains(name) { names.append(name) }
                }
                return self.finding(at: bases[...], port: host.endpoint.port, on: eventLoop)
            }
    }

    private func finding(
        at bases: ArraySlice<String>, port: Int, on eventLoop: any EventLoop
    ) -> EventLoopFuture<DANEFinding> {
        guard let base = bases.first else { return eventLoop.makeSucceededFuture(.off) }
        let name = "_\(port)._tcp.\(base)"
        return self.dns.lookUp(TLSA.self, of: name, on: eventLoop).flatMap { answer in
            let finding: DANEFinding
            switch answer.content {
            case .failed: finding = .unavailable(answer.failure(name) ?? "")
            case .records(let records) where answer.isSecure:
                finding = .records(records.map(TLSARecord.init), at: name)
            case .records: finding = .unsigned("\(name) is not signed")
            case .noRecords, .noSuchName: finding = .none(at: name)
            }
            guard case .none = finding, bases.count > 1 else { return eventLoop.makeSucceededFuture(finding) }
            return self.finding(at: bases.dropFirst(), port: port, on: eventLoop)
        }
    }
}

extension Answer {
    /// `DNS: SERVFAIL for _25._tcp.mx.example.org TLSA`
    fileprivate func failure(_ name: String) -> String? {
        guard case .failed(let failure) = self.content else { return nil }
        return "DNS: \(failure) for \(name) \(Record.type)"
    }
}

extension TLSARecord {
    fileprivate init(_ record: TLSA) {
        self.init(
            usage: record.usage, selector: record.selector, matching: record.matchingType, association: record.data)
    }
}
