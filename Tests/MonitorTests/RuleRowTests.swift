import Mail
import Monitor
import Testing

@Suite("rules about a destination")
struct RuleRowTests {
    private static let rules = ["mx.example:2525", "MX.example:25", "mx.example", "mx2.example:25", "MX.example:25"]
        .enumerated().map { index, name in
            let rule = StandingRule(
                id: Int64(index), .init(.suspend(destination: name)), at: Timestamp(milliseconds: 0), by: "ops")
            return RuleRow(ref: RuleRef(node: "mx1", id: rule.id), rule: rule)
        }

    @Test(
        "that very name comes first, in any case, and stands for all nodes; else the port may be left out",
        arguments: [("mx.example:25", [1, 4]), ("Mx.Example", [2]), ("mx2.example", [3]), ("mx3.example", [])])
    func about(_ name: String, _ found: [Int64]) {
        #expect(Self.rules.about(name) { _ in true }.map(\.ref.id) == found)
        #expect(Self.rules.about(name) { _ in false }.isEmpty)
    }
}
