import SMTP

/// Finds in a text what has to be replaced: addresses, domains, IP addresses, and names that are known.
struct RedactedText {
    private let pseudonyms: Pseudonyms

    init(_ pseudonyms: Pseudonyms) { self.pseudonyms = pseudonyms }

    func name(_ name: String) -> String {
        name.contains("@") || name.contains(".") ? self.redacted(name) : self.pseudonyms.name(name)
    }

    /// `mx.example.org:25`, `[192.0.2.1]:25`, `example.org`. What is none, such as "no route", is a text.
    func host(_ text: String) -> String {
        guard !text.contains(where: { $0.isWhitespace }), !text.isEmpty, text != "mx" else {
            return self.redacted(text)
        }
        if let address = self.address(text[...]) { return address }
        let (host, port) = Self.withoutPort(text[...])
        if host.first == "[", host.last == "]" {
            return "[" + (self.address(host.dropFirst().dropLast()) ?? self.pseudonyms.domain(String(host))) + "]"
                + port
        }
        return (self.address(host) ?? self.pseudonyms.domain(String(host))) + port
    }

    /// `<@a.example,@b.example:ann@example.org>`, `<>`. A claim of a header field is a text.
    func path(_ text: String) -> String {
        guard text.first == "<", text.last == ">" else { return self.redacted(text) }
        var path = text.dropFirst().dropLast()
        var route = ""
        if path.first == "@", let colon = path.firstIndex(of: ":") {
            route =
                path[..<colon].split(separator: ",").map { "@" + self.pseudonyms.domain(String($0.dropFirst())) }
                .joined(separator: ",") + ":"
            path = path[path.index(after: colon)...]
        }
        return "<" + route + self.mailbox(path) + ">"
    }

    private func mailbox(_ text: Substring) -> String {
        guard let at = text.lastIndex(of: "@") else { return self.pseudonyms.name(String(text)) }
        let domain = text[text.index(after: at)...]
        let local = self.pseudonyms.name(String(text[..<at]))
        guard domain.first == "[" else { return local + "@" + self.pseudonyms.domain(String(domain)) }
        let literal = domain.dropFirst().prefix { $0 != "]" }
        return "\(local)@[\(self.address(literal) ?? self.pseudonyms.domain(String(literal)))]"
    }

    // MARK: Words

    /// Replies, remarks, lines of a dialogue, filters.
    func redacted(_ text: String) -> String {
        var result = ""
        var word = text.startIndex
        func end(_ place: String.Index) { if word < place { result += self.word(text[word..<place]) } }
        // A local part may be quoted, with anything in it (RFC 5321 §4.1.2).
        var place = text.startIndex
        while place < text.endIndex {
            if text[place] == "\"", let close = Self.quotedLocalPart(text[place...]) {
                end(place)
                word = close
                let domain = text[close...].dropFirst().prefix(while: Self.isInDomain)
                result += self.mailbox(text[place..<domain.endIndex])
                word = domain.endIndex
                place = word
                continue
            }
            if Self.isSeparator(text[place]) {
                end(place)
                result.append(text[place])
                word = text.index(after: place)
            }
            place = text.index(after: place)
        }
        end(text.endIndex)
        return result
    }

    /// Where the `@` behind a quoted string is; `nil`: it is no local part.
    private static func quotedLocalPart(_ text: Substring) -> String.Index? {
        var isEscaped = false
        for place in text.indices.dropFirst() {
            if isEscaped {
                isEscaped = false
            } else if text[place] == "\\" {
                isEscaped = true
            } else if text[place] == "\"" {
                let next = text.index(after: place)
                return next < text.endIndex && text[next] == "@" ? next : nil
            }
        }
        return nil
    }

    private static func isSeparator(_ character: Character) -> Bool {
        character.isWhitespace || "<>()[]{}\"',;|".contains(character)
    }
    private static func isInDomain(_ character: Character) -> Bool {
        character.isLetter || character.isNumber || ".-_".contains(character)
    }

    /// Ways to write `@` where it may not stand: in URLs, in xtext (RFC 3461 §4), in quoted-printable.
    private static let signs = ["@", "%40", "+40", "=40"]

    private func word(_ word: Substring) -> String {
        if let known = self.pseudonyms.known(word) { return known }
        if let range = word.firstRange(of: "://") {
            let host = word[range.upperBound...].prefix(while: Self.isInDomain)
            let hasMore = host.endIndex < word.endIndex
            return word[..<range.upperBound] + self.host(String(host)) + (hasMore ? "/..." : "")
        }
        for sign in Self.signs where word.contains(sign) {
            if let range = word.firstRange(of: sign) { return self.address(word, at: range) }
        }
        if let address = self.address(word) { return address }
        let dots = word.reversed().prefix { $0 == "." || $0 == "!" || $0 == "?" }.count
        let bare = word.dropLast(dots)
        if let address = self.address(bare) { return address + word.suffix(dots) }
        // `to:example.org`, `client=mx[`, `192.0.2.1:25`, `*.example.org/24`
        if let sign = bare.firstIndex(where: { ":=/*!~".contains($0) }) {
            let behind = bare.index(after: sign)
            let isHidden = bare[..<sign].lowercased() == "envid"
            let rest = bare[behind...]
            return self.word(bare[..<sign]) + String(bare[sign])
                + (isHidden ? self.pseudonyms.name(String(rest)) : rest.isEmpty ? "" : self.word(rest))
                + word.suffix(dots)
        }
        // `.example.org` are the hosts below it.
        if bare.first == "." { return "." + self.word(bare.dropFirst()) + word.suffix(dots) }
        if let known = self.pseudonyms.known(bare) { return known + word.suffix(dots) }
        return (Self.isDomain(bare) ? self.pseudonyms.domain(String(bare)) : String(bare)) + word.suffix(dots)
    }

    /// A word with an address in it, and what may stand before and behind.
    private func address(_ word: Substring, at sign: Range<Substring.Index>) -> String {
        var local = word[..<sign.lowerBound]
        var before = ""
        if let colon = local.lastIndex(of: ":") {
            before = self.word(local[...colon])
            local = local[local.index(after: colon)...]
        }
        // `AUTH=ann@example.org`; but of `list=ann@example.org` the sign belongs to the address.
        if let equal = local.firstIndex(of: "="), Self.parameters.contains(local[..<equal].lowercased()) {
            before += local[...equal]
            local = local[local.index(after: equal)...]
        }
        let domain = word[sign.upperBound...].prefix(while: Self.isInDomain)
        let dots = domain.reversed().prefix { $0 == "." }.count
        let rest = word[domain.endIndex...]
        return before + (local.isEmpty ? "" : self.pseudonyms.name(String(local))) + "@"
            + self.pseudonyms.domain(String(domain.dropLast(dots))) + domain.suffix(dots)
            + (rest.isEmpty ? "" : self.word(rest))
    }
    private static let parameters: Set<String> = [
        "auth", "orcpt", "from", "to", "for", "rcpt", "recipient", "sender", "user", "dest", "mailto", "id", "email",
    ]

    private static func isDomain(_ word: Substring) -> Bool {
        let labels = word.split(separator: ".", omittingEmptySubsequences: false)
        guard labels.count > 1, let last = labels.last, word.allSatisfy(self.isInDomain) else { return false }
        let isTop = last.count > 1 && (last.allSatisfy(\.isLetter) || last.lowercased().hasPrefix("xn--"))
        return isTop && labels.allSatisfy { !$0.isEmpty }
    }

    /// `192.0.2.1`, `192.0.2.0/24`, `192.0.2.1:25`, `IPv6:2001:db8::1`; `nil`: it is no address.
    private func address(_ word: Substring) -> String? {
        if word.lowercased().hasPrefix("ipv6:") {
            return self.address(word.dropFirst(5)).map { word.prefix(5) + $0 }
        }
        if let octets = Network.octets(String(word)) { return self.pseudonyms.address(octets) }
        if let slash = word.lastIndex(of: "/"), let octets = Network.octets(String(word[..<slash])) {
            return self.pseudonyms.address(octets) + word[slash...]
        }
        let (host, port) = Self.withoutPort(word)
        if !port.isEmpty, let octets = Network.octets(String(host)) { return self.pseudonyms.address(octets) + port }
        return nil
    }

    private static func withoutPort(_ text: Substring) -> (host: Substring, port: String) {
        guard let colon = text.lastIndex(of: ":"), colon < text.index(before: text.endIndex),
            text[text.index(after: colon)...].allSatisfy({ $0.isASCII && $0.isNumber })
        else { return (text, "") }
        return (text[..<colon], String(text[colon...]))
    }
}
