/// The target of a request: `/v1/queue?filter=to%3Aexample.org&count=20` (RFC 9112 §3.2.1), as words and back.
struct ControlTarget: Hashable, Sendable {
    /// The path's segments, decoded.
    var segments: [String]
    var query: [String: String]

    /// - Returns: `nil` for what is no path of this origin, is no UTF-8, or says something twice.
    init?(_ text: String) {
        guard text.utf8.first == UInt8(ascii: "/") else { return nil }
        let parts = text.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let segments = parts[0].dropFirst().split(separator: "/", omittingEmptySubsequences: false)
            .map { Self.decoded($0, plusIsSpace: false) }
        guard !segments.contains(nil) else { return nil }
        self.segments = segments.compactMap { $0 }
        self.query = [:]
        guard parts.count > 1 else { return }
        for pair in parts[1].split(separator: "&") {
            let words = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = Self.decoded(words[0], plusIsSpace: true),
                let value = words.count > 1 ? Self.decoded(words[1], plusIsSpace: true) : "",
                self.query.updateValue(value, forKey: name) == nil
            else { return nil }
        }
    }

    /// What a client asks for.
    static func text(of route: ControlRoute, _ arguments: CallArguments) -> String {
        let path = route.segments.map { segment in
            switch segment {
            case .word(let word): word
            case .argument(let name): Self.encoded(arguments.path[name] ?? "")
            }
        }
        let query = arguments.query.sorted { $0.key < $1.key }
            .map { "\(Self.encoded($0.key))=\(Self.encoded($0.value))" }
        return "/" + path.joined(separator: "/") + (query.isEmpty ? "" : "?" + query.joined(separator: "&"))
    }

    static func encoded(_ text: String) -> String {
        text.utf8.reduce(into: "") { result, octet in
            switch octet {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                result.unicodeScalars.append(Unicode.Scalar(octet))
            default:
                let digits = String(octet, radix: 16, uppercase: true)
                result += octet < 16 ? "%0\(digits)" : "%\(digits)"
            }
        }
    }

    /// - Parameter plusIsSpace: as forms write it, and so curl's `--data-urlencode`.
    private static func decoded(_ text: Substring, plusIsSpace: Bool) -> String? {
        var octets: [UInt8] = []
        var rest = text.utf8
        while let octet = rest.popFirst() {
            switch octet {
            case UInt8(ascii: "%"):
                guard let digits = String(rest.prefix(2)), digits.utf8.count == 2, digits.first != "+",
                    let value = UInt8(digits, radix: 16)
                else { return nil }
                octets.append(value)
                rest = rest.dropFirst(2)
            case UInt8(ascii: "+") where plusIsSpace: octets.append(UInt8(ascii: " "))
            default: octets.append(octet)
            }
        }
        return String(validating: octets, as: UTF8.self)
    }
}
