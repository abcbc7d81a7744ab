import CIDN2

/// A domain name beyond ASCII, by IDNA (RFC 5890, UTS #46).
public enum DomainName {
    /// What DNS knows it as: `xn--bcher-kva.example`; in lower case.
    ///
    /// - Returns: `nil` for what is no domain name.
    public static func ascii(_ domain: String) -> String? {
        if domain.utf8.allSatisfy({ $0 < 0x80 }) { return domain.lowercased() }
        var output: UnsafeMutablePointer<CChar>?
        let flags = CInt(IDN2_NFC_INPUT.rawValue | IDN2_NONTRANSITIONAL.rawValue)
        guard idn2_to_ascii_8z(domain, &output, flags) == CInt(IDN2_OK.rawValue), let output else { return nil }
        defer { idn2_free(output) }
        return String(cString: output)
    }

    /// Whether a reader may take it for another name: a label mixes scripts, or is made of letters that look like those of
    /// ASCII (UTS #39 §4, §5.1; the letters are those that fonts make most alike, not all of Unicode's).
    public static func isDeceptive(_ domain: some StringProtocol) -> Bool {
        guard domain.utf8.contains(where: { $0 >= 0x80 }) else { return false }
        return domain.unicodeScalars.split { Self.dots.contains($0) }.contains { label in
            Self.mixesScripts(label) || Self.looksASCII(label)
        }
    }

    /// What separates labels (RFC 3490 §3.1).
    private static let dots: Set<Unicode.Scalar> = [".", "\u{3002}", "\u{FF0E}", "\u{FF61}"]

    private static func mixesScripts(_ label: some Sequence<Unicode.Scalar>) -> Bool {
        let scripts = Set(label.compactMap(Script.init))
        return scripts.count > 1 && !Script.writtenTogether.contains { $0.isSuperset(of: scripts) }
    }

    private static func looksASCII(_ label: some Collection<Unicode.Scalar>) -> Bool {
        if label.contains(where: { self.latinLookalikes.contains($0) }) { return true }
        return label.contains { $0.value >= 0x80 }
            && label.allSatisfy { $0.isASCII ? Script($0) == nil : self.foreignLookalikes.contains($0) }
    }

    /// Letters of the Latin script that pass for a letter of ASCII among others.
    private static let latinLookalikes: Set<Unicode.Scalar> = Set(
        "ıɑɡɩɪʋɾƅƽᴀᴄᴇɢʜᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢꞁ".unicodeScalars)
    /// Letters of other scripts: a label of nothing but these passes for one of ASCII.
    private static let foreignLookalikes: Set<Unicode.Scalar> = Set(
        ("асԁеԍһіјӏорԛѕԝхуъьҽпгѵѡԗ" + "αγικνορτυωηϲϳ" + "ագզէլհյոսւօֆռց" + "იოყძხჽჿ" + "וחיןסװ").unicodeScalars)
}

/// The script that a letter belongs to, by its block; `nil` for digits, marks, and what belongs to all of them.
private struct Script: Hashable {
    private let number: UInt32

    static let latin = Script(number: 0)
    static let han = Script(number: 1)
    private static let hiragana = Script(number: 2)
    private static let katakana = Script(number: 3)
    private static let hangul = Script(number: 4)
    private static let bopomofo = Script(number: 5)

    /// The scripts of Japanese, Korean and Chinese, which also take Latin letters (UTS #39 §5.2, highly restrictive).
    static let writtenTogether: [Set<Script>] = [
        [.latin, .han, .hiragana, .katakana], [.latin, .han, .hangul], [.latin, .han, .bopomofo],
    ]

    private init(number: UInt32) { self.number = number }

    init?(_ scalar: Unicode.Scalar) {
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .spacingMark,
            .letterNumber:
            break
        default: return nil
        }
        let value = scalar.value
        guard value != 0x30FC else { return nil }  // The long vowel of both Japanese scripts.
        let block = Self.blocks.first { $0.range.contains(value) }
        // In what is not listed, neighbours are of one script.
        self.number = block?.number ?? 0x1000 + value >> 7
    }

    private static let blocks: [(range: ClosedRange<UInt32>, number: UInt32)] = [
        (0x41...0x24F, 0), (0x250...0x2AF, 0), (0x370...0x3FF, 6), (0x400...0x52F, 7), (0x530...0x58F, 8),
        (0x590...0x5FF, 9), (0x600...0x6FF, 10), (0x700...0x74F, 11), (0x750...0x77F, 10), (0x780...0x7BF, 12),
        (0x860...0x86F, 11), (0x870...0x8FF, 10), (0x900...0x97F, 13), (0x980...0x9FF, 14), (0x1000...0x109F, 15),
        (0x10A0...0x10FF, 16), (0x1100...0x11FF, 4), (0x1200...0x139F, 17), (0x13A0...0x13FF, 18),
        (0x1400...0x167F, 19), (0x1780...0x17FF, 20), (0x1800...0x18AF, 21), (0x1C80...0x1C8F, 7),
        (0x1C90...0x1CBF, 16), (0x1D00...0x1D25, 0), (0x1E00...0x1EFF, 0), (0x1F00...0x1FFF, 6),
        (0x2C60...0x2C7F, 0), (0x2D00...0x2D2F, 16), (0x2D80...0x2DDF, 17), (0x2E80...0x2FDF, 1),
        (0x3005...0x3007, 1), (0x3021...0x303B, 1), (0x3041...0x309F, 2), (0x30A0...0x30FF, 3), (0x3100...0x312F, 5),
        (0x3130...0x318F, 4), (0x31A0...0x31BF, 5), (0x31F0...0x31FF, 3), (0x3400...0x4DBF, 1), (0x4E00...0x9FFF, 1),
        (0xA640...0xA69F, 7), (0xA720...0xA7FF, 0), (0xA8E0...0xA8FF, 13), (0xA960...0xA97F, 4),
        (0xA9E0...0xA9FF, 15), (0xAA60...0xAA7F, 15), (0xAB00...0xAB2F, 17), (0xAB30...0xAB6F, 0),
        (0xAB70...0xABBF, 18), (0xAC00...0xD7FF, 4), (0xF900...0xFAFF, 1), (0xFB00...0xFB06, 0), (0xFB13...0xFB17, 8),
        (0xFB1D...0xFB4F, 9), (0xFB50...0xFDFF, 10), (0xFE70...0xFEFF, 10), (0xFF21...0xFF5A, 0), (0xFF66...0xFF9F, 3),
        (0xFFA0...0xFFDC, 4), (0x20000...0x3FFFD, 1),
    ]
}

extension DomainName {
    /// Text with addresses or host names in it, as it is to be shown: a domain that may be taken for another as DNS knows it,
    /// with what was written beside it, `bob@xn--pypal-4ve.example (pаypal.example)`. All else stays, and is as hostile as
    /// before.
    public static func disclosing(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 >= 0x80 }) else { return text }
        var shown = ""
        var rest = text[...]
        while let start = rest.firstIndex(where: { !self.isBetweenDomains($0) }) {
            let end = rest[start...].firstIndex(where: self.isBetweenDomains) ?? rest.endIndex
            let word = rest[start..<end]
            shown += rest[..<start]
            // Other words may be of any letters: they name nothing.
            let isDomain = rest[..<start].last == "@" || word.dropFirst().dropLast().contains(".")
            if isDomain, end == rest.endIndex || rest[end] != "@", self.isDeceptive(word) {
                shown += "\(self.ascii(String(word)) ?? self.spelledOut(word)) (\(word))"
            } else {
                shown += word
            }
            rest = rest[end...]
        }
        return shown + rest
    }

    private static func isBetweenDomains(_ character: Character) -> Bool {
        "@<>()[],;:\"' \t".contains(character)
    }

    /// What DNS cannot know, letter by letter.
    private static func spelledOut(_ domain: some StringProtocol) -> String {
        domain.unicodeScalars.map { $0.isASCII ? String($0) : "<U+\(String($0.value, radix: 16, uppercase: true))>" }
            .joined()
    }
}

extension SafeText {
    /// ``DomainName/disclosing(_:)``, made safe.
    public init(address: String) { self.init(DomainName.disclosing(address)) }
}
