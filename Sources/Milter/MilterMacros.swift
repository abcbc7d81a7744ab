/// What a milter may be told beside a step: texts by name, `i` or `{client_addr}`. Of all that is known it gets what it asked
/// for.
public struct MilterMacros: Equatable, Sendable, ExpressibleByDictionaryLiteral {
    public private(set) var values: [(name: String, value: String)]

    public init() { self.values = [] }
    public init(dictionaryLiteral elements: (String, String)...) { self.values = elements.map { ($0, $1) } }

    /// Adds one, unless there is nothing to tell.
    public mutating func add(_ name: String, _ value: String?) {
        guard let value, !value.isEmpty else { return }
        self.values.append((name, value))
    }

    /// Those of these bare names.
    func chosen(_ names: Set<String>) -> [(name: String, value: String)] {
        self.values.filter { names.contains(Self.bare($0.name)) }
    }

    /// The bare names of what a milter is told that does not choose; as Postfix does (its MILTER_README).
    static func usual(_ kind: MilterStep.Kind) -> Set<String> {
        switch kind {
        case .connect:
            [
                "j", "_", "v", "daemon_name", "daemon_addr", "daemon_port", "client_addr", "client_name", "client_port",
                "client_ptr",
            ]
        case .hello: ["tls_version", "cipher", "cipher_bits", "cert_subject", "cert_issuer"]
        case .mail: ["i", "auth_type", "auth_authen", "auth_author", "mail_addr", "mail_host", "mail_mailer"]
        case .recipient: ["i", "rcpt_addr", "rcpt_host", "rcpt_mailer"]
        case .data, .endOfHeader, .endOfMessage: ["i"]
        case .header, .body: []
        }
    }

    /// A name without its braces: some milters leave them out.
    static func bare(_ name: some StringProtocol) -> String { String(name.drop { $0 == "{" }.prefix { $0 != "}" }) }

    public static func == (left: Self, right: Self) -> Bool {
        left.values.elementsEqual(right.values) { $0.name == $1.name && $0.value == $1.value }
    }
}
