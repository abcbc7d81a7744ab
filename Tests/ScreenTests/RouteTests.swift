import Testing

@testable import FeedTesting
@testable import Screen

@Suite("where mail would go")
struct RouteTests {
    @Test("the rule, what was ordered instead, the next hop, its hosts and their policy", arguments: [false, true])
    func route(_ isCoded: Bool) async throws {
        let rig = await Rig(isCoded: isCoded)
        await rig.run("route dan@example.com")
        try await rig.expect("route")
        await rig.press(.enter)
        #expect(await rig.text.contains("filter: dest=corp.example"))
    }

    @Test("no route, and no address, are told")
    func none() async {
        let rig = await Rig()
        await rig.run("route eve@example.net")
        #expect(await rig.text.contains("no [[route]] takes it: mail for it waits"))
        await rig.press(.escape)
        await rig.run("route eve")
        #expect(await rig.text.contains("eve is no address"))
        await rig.press(.escape)
        await rig.run("route")
        #expect(await rig.text.contains(":route"))
    }
}
