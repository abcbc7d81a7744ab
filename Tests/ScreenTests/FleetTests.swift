import Mail
import Monitor
import Testing

@testable import FeedTesting
@testable import Screen

@Suite("the nodes that share a queue, on the screen")
struct FleetTests {
    @Test("each with its state and what it has; Enter shows its mail")
    func nodes() async throws {
        let rig = await Rig()
        rig.feed.write { script in
            script.fleet = FleetStatus.Node.State.allCases.enumerated().map { number, state in
                FleetStatus.Node(
                    number: number + 1, name: "mx\(number + 1).example.net", state: state, isDrained: number > 1,
                    age: Int64(number) * 40_000, messages: number * 1204, software: "hoptop 0.1.0",
                    isAsked: number == 0)
            }
        }
        await rig.run("fleet")
        try await rig.expect("fleet")
        await rig.press("j", .enter)
        #expect(await rig.text.contains("node=mx2.example.net"))
    }

    @Test("a node that shares its queue with none says so")
    func alone() async {
        let rig = await Rig()
        await rig.run("fleet")
        #expect(await rig.text.contains("no nodes that share one queue are known here"))
    }
}
