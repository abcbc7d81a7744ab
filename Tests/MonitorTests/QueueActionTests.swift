import Monitor
import Testing

@Suite("what is done to mail")
struct QueueActionTests {
    @Test("a reason is one line that says something, of at most 400 octets, and is that of a hold or a bounce")
    func reasons() throws {
        try QueueAction.hold.check("the domain has moved")
        try QueueAction.bounce.check(String(repeating: "é", count: 200))
        try QueueAction.retry.check(nil)
        for reason in ["", "  ", "\u{A0}", "a\nb", String(repeating: "é", count: 201)] {
            #expect(throws: FeedError.self, "\(reason)") { try QueueAction.bounce.check(reason) }
        }
        #expect(throws: FeedError.self) { try QueueAction.drop.check("why not") }
    }
}
