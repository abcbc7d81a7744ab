import SMTP
import Testing

@testable import Relay

@Suite("what a next hop calls the message")
struct ReplyWordsTests {
    @Test(
        "is found in the replies of those who name it",
        arguments: [
            ("Ok: queued as 4Q7K12", "4Q7K12"), ("OK id=1abc-0000x-1Q", "1abc-0000x-1Q"),
            ("ok queued as <4Q7K>", nil), ("Message accepted for delivery", nil), ("queued as", nil), ("", nil),
        ] as [(String, String?)])
    func names(_ text: String, _ name: String?) {
        var words = ReplyWords()
        #expect(words.of(Reply(250, nil, text)).remoteID == name)
        // Of another reply it is another.
        #expect(words.of(Reply(250, nil, "Ok: queued as OTHER")).remoteID == "OTHER")
        #expect(words.of(Reply(250, nil, text)).remoteID == name)
    }
}
