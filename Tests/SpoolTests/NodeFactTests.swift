import Mail
import Spool
import Testing

@Suite("facts that nodes of a fleet have in common")
struct NodeFactTests {
    /// Kind, text, and whether it is logged at `mx1.example.net`.
    @Test(
        "what is done to a node concerns that one, and what happens to mail concerns all",
        arguments: [
            (Fact.Kind.reloaded, "mx1.example.net", true),
            (.reloaded, "mx1.example.net: node stays 1", true),
            (.reloadFailed, "mx2.example.net: [relay] has no such key", false),
            (.shutdown, "mx11.example.net", false),
            (.drained, "node 1 (mx1.example.net)", true),
            (.undrained, "node 2 (mx2.example.net)", false),
            (.forgotten, "node 2 (mx2.example.net)", true),
            (.closed, "mx2.example.net", false),
            (.relayed, "250 2.0.0 Ok", true),
            (.ruleSet, "1: hold all", true),
        ])
    func concerned(_ kind: Fact.Kind, _ text: String, _ isOurs: Bool) {
        let fact = Fact(at: Timestamp(milliseconds: 0), kind: kind, message: nil, text: text)
        #expect(fact.concerns(node: "mx1.example.net") == isOurs)
    }
}
