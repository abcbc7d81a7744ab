import Monitor
import Testing

@Suite("patterns of filters")
struct FilterPatternTests {
    @Test(
        "the words that each match has",
        arguments: [
            ("no such thing", ["no such thing"]), ("Over.*Quota", ["over", "quota"]), ("^bob@", ["bob@"]),
            ("ab+c", ["ab", "c"]), ("ab*c", ["a", "c"]), ("ab?", ["a"]), ("ab+?c", ["a", "c"]), ("a|b", []),
            ("x(a|b)y", ["x", "y"]), ("x(a|b)?y", ["x", "y"]), ("(a(b)c)*", []), (#"mx\.a\d+"#, ["mx.a"]),
            (#"\<word\>"#, ["word"]), ("u[0-9]z", ["u", "z"]), ("[]a]b", ["b"]), ("[^]]b", ["b"]),
            ("[[:digit:]]b", []), (#"[\d]b"#, ["b"]), (#"a\|b"#, ["a|b"]), (#"a\*b"#, ["a*b"]), ("büro", ["b", "ro"]),
            ("a(b|c", nil), ("", []),
        ] as [(String, [String]?)])
    func words(_ text: String, _ words: [String]?) throws {
        guard let words else {
            #expect(throws: FilterPattern.Failure.self) { try FilterPattern(text) }
            return
        }
        #expect(try FilterPattern(text).words == words)
    }

    @Test("whatever matches has them")
    func sure() throws {
        var generator = SystemRandomNumberGenerator()
        let parts = ["a", "b", ".", "a*", "b?", "a+", "a+?", "(a|b)", "(ab)*", "[ab]", "|", #"\d"#, "1", "^", "$"]
        for _ in 0..<3000 {
            let text = (0..<Int.random(in: 1...6, using: &generator)).map { _ in parts.randomElement() ?? "" }.joined()
            guard let pattern = try? FilterPattern(text) else { continue }
            for _ in 0..<20 {
                let tried = String((0..<Int.random(in: 0...6)).map { _ in "AaBb1".randomElement() ?? "a" })
                guard pattern.matches(tried) else { continue }
                #expect(pattern.words.allSatisfy { tried.lowercased().contains($0) }, "\(text) in \(tried)")
            }
        }
    }

    @Test(
        "repeats inside repeats inside repeats are refused, which the C library would write out",
        arguments: [
            "n" + String(repeating: "+", count: 100),
            String(repeating: "(", count: 40) + "n" + String(repeating: "+)", count: 40) + "+",
            #"/(((((\d+)+)+)+)+)+a+"# + String(repeating: "+", count: 12),
        ])
    func nestedRepeats(_ text: String) {
        #expect(throws: FilterPattern.Failure.self) { try FilterPattern(text) }
    }

    @Test(
        "repeats that stand behind one another are taken, and a few in others",
        arguments: [
            String(repeating: "a+", count: 128), "((ab+)+c+)+", #"(\w+\.)+\w+"#, "a|b+|(c+)+", #"\++\(+"#, "[+(]+",
        ])
    func repeats(_ text: String) { #expect(throws: Never.self) { try FilterPattern(text) } }
}
