import Mail
import Monitor
import Testing

@Suite("where mail would go, in words")
struct RouteWordsTests {
    @Test("the next hop has the name that commands take, also where others have it too")
    func name() {
        var answer = RouteAnswer(node: "mx1", address: "x@a.test", domain: "a.test", number: 2, rule: "a.test")
        answer.destination = DestinationRow(
            ref: DestinationRef(node: "mx1", id: "127.0.0.1:12601#2"), name: "127.0.0.1:12601",
            terms: DestinationTerms(tls: "verified"), condition: .ok)
        let lines = answer.lines(Timestamp(milliseconds: 0))
        #expect(lines.first { $0.name == "Next hop" }?.words == "127.0.0.1:12601")
    }
}
