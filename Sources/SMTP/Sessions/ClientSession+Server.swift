extension ClientSession {
    /// What the server said of itself.
    public struct Server: Equatable, Sendable {
        /// The server's name, out of its reply to EHLO or, before that, its greeting.
        public var name: String?
        /// Keywords in upper case.
        public var extensions: Set<String> = []
        /// `nil` when it announces no limit (RFC 1870).
        public var maximumMessageOctets: Int?
        /// The mechanisms of AUTH (RFC 4954 §3), in upper case and the server's order.
        public var mechanisms: [String] = []
        public var limits = Limits()
        /// The least BY that it takes with mode R (RFC 2852 §4).
        public var minimumDeliverBySeconds: Int?

        public func offers(_ extension: ServiceExtension) -> Bool {
            self.extensions.contains(`extension`.rawValue)
        }
    }

    /// What LIMITS announced (RFC 9422 §4); `nil`: nothing.
    public struct Limits: Equatable, Sendable {
        public enum Kind: String, Sendable, CustomStringConvertible {
            /// Transactions in a session.
            case transactions = "MAILMAX"
            /// Recipients in a transaction.
            case recipients = "RCPTMAX"
            /// Different domains of recipients in a session.
            case domains = "RCPTDOMAINMAX"
            public var description: String { self.rawValue }
        }
        public var transactions: Int?
        public var recipients: Int?
        public var domains: Int?
    }
}

extension ClientSession.Server {
    /// Reads EHLO's lines behind the first: a keyword and its parameters each (RFC 5321 §4.1.1.1). What is malformed is
    /// passed over.
    mutating func readExtensions(_ reply: Reply) {
        for line in reply.lines.dropFirst() {
            // Old servers write `AUTH=LOGIN` (RFC 4954 has a space).
            let text = line.utf8.split(maxSplits: 1) { $0 == .space || $0 == .tab || $0 == UInt8(ascii: "=") }
            guard let keyword = text.first, keyword.allSatisfy({ $0.isLetterOrDigit || $0 == .hyphen }) else {
                continue
            }
            let name = String(decoding: keyword.map(\.upper), as: UTF8.self)
            self.extensions.insert(name)
            let words = text.dropFirst().flatMap { rest in
                rest.split { $0 == .space || $0 == .tab }.map { String(decoding: $0.map(\.upper), as: UTF8.self) }
            }
            self.read(ServiceExtension(rawValue: name), words)
        }
    }

    private mutating func read(_ extension: ServiceExtension?, _ words: [String]) {
        switch `extension` {
        case .size:
            // 0: no fixed limit (RFC 1870 §4).
            if let word = words.first { self.maximumMessageOctets = Int(word).flatMap { $0 > 0 ? $0 : nil } }
        case .auth:
            // Some servers say it twice, the old way and the new.
            for word in words where !self.mechanisms.contains(word) { self.mechanisms.append(word) }
        case .deliverBy:
            self.minimumDeliverBySeconds = words.first.flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil }
        case .limits: for word in words { self.limits.read(word) }
        case .pipelining, .eightBitMIME, .enhancedStatusCodes, .chunking, .binaryMIME, .dsn, .smtpUTF8,
            .futureRelease, .mtPriority, .requireTLS, .etrn, .startTLS, .xclient, .xforward, nil:
            break
        }
    }
}

extension ClientSession.Limits {
    /// `RCPTMAX=20`: one to six digits, not starting with 0. Anything else is ignored (RFC 9422 §3).
    mutating func read(_ word: String) {
        let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let kind = Kind(rawValue: String(parts[0])), (1...6).contains(parts[1].utf8.count),
            parts[1].utf8.allSatisfy(\.isDigit), parts[1].utf8.first != UInt8(ascii: "0"), let limit = Int(parts[1])
        else { return }
        switch kind {
        case .transactions: self.transactions = limit
        case .recipients: self.recipients = limit
        case .domains: self.domains = limit
        }
    }
}
