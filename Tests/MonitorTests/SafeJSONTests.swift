import Foundation
import Monitor
import Testing

@Suite("JSON for terminals")
struct SafeJSONTests {
    @Test(
        "what would do something to a terminal is escaped, and means the same",
        arguments: [
            "\u{1B}[2J", "\u{9B}31m", "\u{7F}", "\u{202E}moc", "\u{200B}", "\u{FEFF}", "\u{2028}", "\u{E0041}",
            "e\u{301}",
            "\u{FE0F}",
        ])
    func escaped(_ text: String) throws {
        let data = try SafeJSON.encode([text: text])
        for scalar in String(decoding: data, as: UTF8.self).unicodeScalars {
            #expect((0x20..<0x7F).contains(scalar.value))
        }
        #expect(try JSONDecoder().decode([String: String].self, from: data) == [text: text])
    }

    @Test("what prints stays readable")
    func readable() throws {
        #expect(String(decoding: try SafeJSON.encode(["a/b": "Grüße, 日本"]), as: UTF8.self) == #"{"a/b":"Grüße, 日本"}"#)
    }
}
