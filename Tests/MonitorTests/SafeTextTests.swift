import Monitor
import SeededRandom
import Testing

@Suite("SafeText: nothing of a peer's reaches a terminal raw")
struct SafeTextTests {
    @Test(
        "controls, overrides and invisible characters are shown, not obeyed",
        arguments: [
            "\u{1B}[2J", "\u{8}", "\r", "\n", "\t", "\u{7F}", "\u{9B}", "\u{202E}", "\u{200D}", "\u{FE0F}", "\u{AD}",
            "\u{E000}", "\u{2028}", "\u{E0001}", "\u{0}",
        ])
    func hostile(_ text: String) {
        let safe = SafeText("a\(text)b")
        #expect(safe.cells.contains { $0.isEscape })
        let shown = safe.description.unicodeScalars
        #expect(
            shown.allSatisfy { $0.properties.generalCategory != .control && $0.properties.generalCategory != .format })
        #expect(safe.description.hasPrefix("a") && safe.description.contains("b"))
        #expect(SafeText.describing("a\(text)b") == safe.description)
    }

    @Test("plain text stays as it is, and wide characters own two columns")
    func plain() {
        #expect(SafeText("ann@example.net").description == "ann@example.net")
        #expect(SafeText.describing("ann@example.net") == "ann@example.net")
        let long = String(repeating: "a", count: SafeText.limit + 1)
        #expect(SafeText.describing(long) == SafeText(long).description)
        #expect(SafeText("ann").columns == 3)
        #expect(SafeText("日本").columns == 4)
    }

    @Test(
        "in a line a tab goes to the next column that is a multiple of eight, and other controls are shown",
        arguments: [
            ("\ta", "        a"), ("a\tb", "a       b"), ("1234567\tb", "1234567 b"),
            ("12345678\tb", "12345678        b"),
            ("a\t\tb", "a               b"), ("日本\tb", "日本    b"), ("\u{1B}\tb", "\\x1b    b"),
            ("\u{8}b", "\\x08b"), ("plain", "plain"),
        ])
    func tabs(_ text: String, _ shown: String) {
        #expect(SafeText(line: text).description == shown)
        #expect(SafeText(text).description.contains("\\x09") == text.contains("\t"))
    }

    @Test("random octets never give a control character")
    func random() {
        let seed = UInt64.random(in: 0 ... .max)
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<2000 {
            let octets = (0..<Int.random(in: 0...60, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator)
            }
            let shown = SafeText(octets: octets).description.unicodeScalars
            #expect(
                shown.allSatisfy {
                    $0.properties.generalCategory != .control && $0.properties.generalCategory != .format
                },
                "seed \(seed)")
        }
    }
}
