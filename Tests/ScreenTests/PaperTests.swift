import Mail
import Monitor
import Testing

@testable import FeedTesting
@testable import Screen

@Suite("lines without a screen")
struct PaperTests {
    private static func text(columns: Int?) -> String {
        let group = QueueGroup(
            value: nil, recipients: RecipientCounts([.deferred: 123_456_789]), messages: 123_456_789,
            oldest: ScriptedFeed.now, reply: "connect to 192.0.2.1:25: connection refused")
        var table = Paper(columns: columns, now: ScriptedFeed.now).groups(by: .client)
        return table.lines([group])[0].map(\.text.description).joined()
    }

    @Test("where nothing bounds a line, counts and replies stand there as they are")
    func unbounded() {
        let text = Self.text(columns: nil)
        #expect(text.contains("not known, or made here"))
        #expect(text.contains(" 123,456,789 123,456,789 "))
        #expect(text.hasSuffix("connect to 192.0.2.1:25: connection refused"))
    }

    @Test("where columns have their widths, counts fit into them, and a reply begins with what it says")
    func bounded() {
        let text = Self.text(columns: 140)
        #expect(text.contains(" 123457k  123457k "))
        #expect(text.contains(" connection refused (192.0.2.1:25)"))
    }
}
