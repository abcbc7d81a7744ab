/// What a failure says, without what differs from one time to the next: replies that say the same have the same one.
///
/// The reply code and the enhanced status code stay (RFC 5321 §4.2.1, RFC 3463), and so do a host's own short codes
/// (`[TSS04]`, `RP-001`), and the names of protocols (`8bitmime`). Addresses, domains, numbers, identifiers, times and URLs become `*`. The fingerprint of a
/// fingerprint is itself. Its JSON form is its text.
public struct ReplyFingerprint: Hashable, Sendable {
    /// `452 4.2.2 mailbox of * is over quota`: at most 200 octets, in lower case but for short codes, without `"`.
    public let text: String

    /// - Parameter reply: as an operator reads it, on one line; or why there was none, in words.
    public init(of reply: String) {
        var text = reply
        // What is left may say more once the rest is gone, mostly nothing.
        for _ in 0..<Self.readings {
            var reader = FingerprintReader(text)
            let read = reader.read()
            if read == text { break }
            text = read
        }
        self.text = text
    }
    private static let readings = 8
}

extension ReplyFingerprint: Codable {
    public init(from decoder: any Decoder) throws {
        self.init(of: try decoder.singleValueContainer().decode(String.self))
    }
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(self.text)
    }
}

/// Reads a reply once from left to right. It works on octets, as a queue has many replies and each is read.
private struct FingerprintReader {
    private static let textLimit = 200
    /// A reply says what it has to say before this many octets.
    private static let replyLimit = 1024

    private let reply: [UInt8]
    private var place = 0
    private var text: [UInt8] = []
    /// Behind the last `*`, as long as no word came after it.
    private var star: Int?
    /// Where words begin that belong to a time, if a number follows.
    private var date: Int?
    private var isFull = false

    init(_ reply: String) { self.reply = Array(reply.utf8.prefix(Self.replyLimit)) }

    mutating func read() -> String {
        var status = self.takeCodes()
        while !self.isFull, self.place < self.reply.count {
            // What a host said may stand behind its name.
            if self.isBehindHost { status = self.takeCodes() }
            if self.place < self.reply.count { self.takeNext(status) }
        }
        while let last = self.text.last, last.isSoft, last != .star { self.text.removeLast() }
        return String(decoding: self.text, as: UTF8.self)
    }

    // MARK: what there is

    /// Takes the reply code and the enhanced status code.
    ///
    /// - Returns: the enhanced status code, which each line of a reply may repeat.
    private mutating func takeCodes() -> ArraySlice<UInt8> {
        let rest = self.reply[self.place...]
        let code = rest.prefix(3)
        guard code.count == 3, code.allSatisfy(\.isDigit), rest.dropFirst(3).first.map(\.endsCode) ?? true else {
            return []
        }
        self.text += code
        self.place = min(code.endIndex + 1, self.reply.count)
        self.text.append(.space)
        self.star = nil
        let status = self.reply[self.place...].prefix { $0.isDigit || $0 == .dot }
        guard Self.isStatus(status), self.reply[status.endIndex...].first.map(\.isBlank) ?? true else { return [] }
        self.text += status
        self.place = status.endIndex
        return status
    }

    /// `mx.example.org:25: `, `[2001:db8::1]:25: `
    private var isBehindHost: Bool {
        guard let first = self.text.first, first == .star || first == .bracket, self.text.suffix(2) == [.colon, .space]
        else { return false }
        let isFailure = self.reply[self.place] == UInt8(ascii: "4") || self.reply[self.place] == UInt8(ascii: "5")
        return isFailure
            && self.text.allSatisfy { [.star, .bracket, .closingBracket, .colon, .space].contains($0) }
    }

    private mutating func takeNext(_ status: ArraySlice<UInt8>) {
        let rest = self.reply[self.place...]
        if let path = Self.path(rest) {
            self.place = path.endIndex
            return self.putStar()
        }
        if let url = Self.url(rest) {
            self.place = url.endIndex
            return self.putStar()
        }
        if rest.first == .star {
            self.place += 1
            return self.putStar()
        }
        var run = rest.prefix(while: \.isOfWord)
        if run.last == .colon, run.dropLast().last != .colon { run.removeLast() }
        if Self.isAddress(run) {
            self.place = run.endIndex
            return self.putStar()
        }
        var word = run.prefix { $0 != .colon }
        while let last = word.last, last.isEdge { word.removeLast() }
        if word.first.map(\.isEdge) ?? true {
            self.put(separator: rest[rest.startIndex])
            self.place += 1
            return
        }
        self.place = word.endIndex
        if Self.isDomain(word) {
            // What stands behind a domain is the path of a URL.
            if self.reply[self.place...].first == .slash {
                self.place = self.reply[self.place...].firstIndex(where: \.endsURL) ?? self.reply.endIndex
            }
            self.putStar()
        } else if word == status {
            // The next line of the same reply.
        } else if Self.isTerm(word) {
            self.put(word: word, isFolded: true)
        } else if Self.isOwnCode(word) || self.text.last == .hash && Self.isStatus(word) {
            // Some put the enhanced status code at the end: `(#4.3.0)`.
            self.put(word: word)
        } else if Self.varies(word) || self.star != nil && Self.isZone(word) {
            self.putStar()
        } else {
            let isOfDate = Self.isOfDate(word)
            let start = isOfDate ? self.date ?? self.text.count : nil
            self.put(word: word, isFolded: true)
            self.date = start
        }
    }

    // MARK: what it is

    /// `<bob@example.org>`, `<"full q"@example.org>`: blanks only between quotation marks (RFC 5321 §4.1.2).
    private static func path(_ rest: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard rest.first == .less else { return nil }
        var isQuoted = false
        for place in rest.indices.dropFirst() {
            switch rest[place] {
            case .quote: isQuoted.toggle()
            case .greater where !isQuoted:
                return place > rest.startIndex + 1 ? rest[...place] : nil
            case let octet where octet.isBlank && !isQuoted: return nil
            default: break
            }
        }
        return nil
    }

    private static func url(_ rest: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        let scheme = rest.prefix(while: \.isLetter)
        guard !scheme.isEmpty, rest.dropFirst(scheme.count).first == .colon,
            rest[scheme.endIndex...].starts(with: [.colon, .slash, .slash])
        else { return nil }
        var url = rest.prefix { !$0.endsURL }
        while let last = url.last, last.isSoft { url.removeLast() }
        return url
    }

    /// IPv6, or a time of day: hexadecimal digits in three parts or more.
    private static func isAddress(_ run: ArraySlice<UInt8>) -> Bool {
        guard let first = run.first, first.isHexDigit || first == .colon && run.dropFirst().first == .colon else {
            return false
        }
        return run.count(where: { $0 == .colon }) >= 2 && run.allSatisfy { $0 == .colon || $0 == .dot || $0.isHexDigit }
            && run.contains(where: \.isDigit)
    }

    private static func isStatus(_ word: ArraySlice<UInt8>) -> Bool {
        guard word.first?.isDigit == true else { return false }
        let parts = word.split(separator: .dot, omittingEmptySubsequences: false)
        return parts.count == 3 && parts.allSatisfy { (1...3).contains($0.count) && $0.allSatisfy(\.isDigit) }
    }

    private static func isDomain(_ word: ArraySlice<UInt8>) -> Bool {
        guard let dot = word.lastIndex(of: .dot), dot > word.startIndex, !word.contains(.at) else { return false }
        let last = word[(dot + 1)...]
        return last.count >= 2 && last.allSatisfy(\.isLetter) && word.first != .dot
    }

    /// A few capital letters and digits: what a provider calls its rule.
    private static func isOwnCode(_ word: ArraySlice<UInt8>) -> Bool {
        let letters = word.prefix { $0.isLetter && $0.folded != $0 }
        var digits = word[letters.endIndex...]
        if let mark = digits.first, mark == .hyphen || mark == .hash { digits.removeFirst() }
        return (1...4).contains(letters.count) && (1...5).contains(digits.count) && digits.allSatisfy(\.isDigit)
    }

    /// Names with a digit in them that say what a failure is about, in lower case.
    private static let terms = Set(
        """
        7bit 7-bit 8bit 8-bit 8bitmime base64 utf8 utf-8 smtputf8 utf8smtp iso-8859-1 ipv4 ipv6 tls1.0 tls1.1 tls1.2 tls1.3 \
        tlsv1 tlsv1.0 tlsv1.1 tlsv1.2 tlsv1.3 sslv2 sslv3 md5 sha1 sha-1 sha256 sha-256 x509 x.509
        """.split(separator: " ").map { Array($0.utf8) })
    private static let longestTerm = Self.terms.map(\.count).max() ?? 0
    private static func isTerm(_ word: ArraySlice<UInt8>) -> Bool {
        word.count <= self.longestTerm && word.contains(where: \.isDigit) && self.terms.contains(word.map(\.folded))
    }

    private static func varies(_ word: ArraySlice<UInt8>) -> Bool {
        if word.contains(where: { $0.isDigit || $0 == .at }) { return true }
        // Letters in either case as by chance are an identifier.
        guard word.count >= 10, word.allSatisfy(\.isLetter) else { return false }
        let capitals = word.count(where: { $0.folded != $0 })
        return (word.count * 3 / 10...word.count * 7 / 10).contains(capitals)
    }

    private static let dateWords = Set(
        "mon tue wed thu fri sat sun jan feb mar apr may jun jul aug sep oct nov dec".split(separator: " ").map {
            Self.number(of: $0.utf8)
        })
    private static func isOfDate(_ word: ArraySlice<UInt8>) -> Bool {
        word.count == 3 && self.dateWords.contains(self.number(of: word))
    }
    private static func number(of word: some Sequence<UInt8>) -> UInt32 {
        word.reduce(0) { $0 << 8 | UInt32($1.folded) }
    }
    private static func isZone(_ word: ArraySlice<UInt8>) -> Bool {
        word.count == 3 && (word.elementsEqual("UTC".utf8) || word.elementsEqual("GMT".utf8))
    }

    // MARK: what is written

    private mutating func put(separator octet: UInt8) {
        if octet.isBlank, self.text.last.map({ $0 == .space }) ?? true { return }
        // A filter has the fingerprint between quotation marks.
        self.append([octet.isBlank ? .space : octet == .quote ? .apostrophe : octet])
    }

    private mutating func put(word: ArraySlice<UInt8>, isFolded: Bool = false) {
        let start = self.text.count
        self.append(word)
        if isFolded { for place in start..<self.text.count { self.text[place] = self.text[place].folded } }
        self.star = nil
        self.date = nil
    }

    private mutating func append(_ octets: ArraySlice<UInt8>) {
        self.isFull = self.text.count + octets.count > Self.textLimit
        if !self.isFull { self.text += octets }
    }

    /// Several in a row are one, and take the names of days and months before them along.
    private mutating func putStar() {
        if let date = self.date { self.text.removeSubrange(date...) }
        self.date = nil
        if let star = self.star, self.text[star...].allSatisfy(\.isSoft) {
            self.text.removeSubrange(star...)
        } else {
            self.append([.star])
        }
        self.star = self.text.count
    }
}

extension UInt8 {
    fileprivate static let space = UInt8(ascii: " ")
    fileprivate static let star = UInt8(ascii: "*")
    fileprivate static let dot = UInt8(ascii: ".")
    fileprivate static let colon = UInt8(ascii: ":")
    fileprivate static let hyphen = UInt8(ascii: "-")
    fileprivate static let hash = UInt8(ascii: "#")
    fileprivate static let slash = UInt8(ascii: "/")
    fileprivate static let at = UInt8(ascii: "@")
    fileprivate static let less = UInt8(ascii: "<")
    fileprivate static let greater = UInt8(ascii: ">")
    fileprivate static let bracket = UInt8(ascii: "[")
    fileprivate static let closingBracket = UInt8(ascii: "]")
    fileprivate static let quote = UInt8(ascii: "\"")
    fileprivate static let apostrophe = UInt8(ascii: "'")

    fileprivate var isDigit: Bool { (0x30...0x39).contains(self) }
    fileprivate var isHexDigit: Bool { self.isDigit || (0x61...0x66).contains(self.folded) }
    /// Also of any character beyond ASCII.
    fileprivate var isLetter: Bool { (0x61...0x7A).contains(self | 0x20) || self >= 0x80 }
    fileprivate var isBlank: Bool { self <= 0x20 || self == 0x7F }
    fileprivate var folded: UInt8 { (0x41...0x5A).contains(self) ? self | 0x20 : self }
    /// Stands behind a reply code.
    fileprivate var endsCode: Bool { self.isBlank || self == .hyphen }
    /// A word or a domain, an address, a number may have it.
    fileprivate var isOfWord: Bool {
        self.isLetter || self.isDigit || self == .colon || self.isEdge || self == .at
    }
    /// Belongs to a word only if it stands inside.
    fileprivate var isEdge: Bool {
        switch self {
        case .dot, .hyphen, .hash, UInt8(ascii: "_"), UInt8(ascii: "+"), UInt8(ascii: "~"), UInt8(ascii: "%"): true
        default: false
        }
    }
    /// Says nothing where it stands between two things that vary, or at the end.
    fileprivate var isSoft: Bool {
        switch self {
        case .space, .dot, .colon, .hyphen, .slash, UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "="),
            UInt8(ascii: "+"), UInt8(ascii: "!"), UInt8(ascii: "?"):
            true
        default: false
        }
    }
    fileprivate var endsURL: Bool {
        switch self {
        case .less, .greater, .quote, .apostrophe, UInt8(ascii: ")"), UInt8(ascii: "]"), UInt8(ascii: "("): true
        default: self.isBlank
        }
    }
}
