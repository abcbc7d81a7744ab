import Mail
import Testing

@testable import Monitor

@Suite("changes of recipients")
struct RecipientEditTests {
    private static let now = Timestamp(milliseconds: 1_795_510_800_000)

    @Test(
        "an address that is none is refused before anybody confirms it",
        arguments: [
            "noat", "a b@c", "a@", "@c", "a@b@c", "full1@b.examplenew@target.example", "a@b..c", "<a@b", "",
        ])
    func noAddress(_ text: String) {
        #expect(throws: FeedError.self) { try RecipientEdit.address(to: text).check(at: Self.now) }
    }

    @Test("one is taken with angle brackets and without", arguments: ["bob@example.org", "<bob@example.org>"])
    func address(_ text: String) throws { try RecipientEdit.address(to: text).check(at: Self.now) }

    @Test("a time that is over, or beyond thirty days, is refused")
    func times() throws {
        func check(after milliseconds: Int64) throws {
            try RecipientEdit.due(at: Self.now.adding(milliseconds: milliseconds)).check(at: Self.now)
        }
        try check(after: 1000)
        try check(after: 30 * 86_400_000)
        #expect(throws: FeedError.self) { try check(after: 0) }
        #expect(throws: FeedError.self) { try check(after: -86_400_000) }
        #expect(throws: FeedError.self) { try check(after: 30 * 86_400_000 + 1) }
    }
}
