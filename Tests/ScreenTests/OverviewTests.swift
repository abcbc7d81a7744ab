import Mail
import Monitor
import Testing

@testable import FeedTesting
@testable import Screen

@Suite("the overview")
struct OverviewTests {
    @Test("percentiles, ages and what the disk does", arguments: [(100, 30), (160, 45)])
    func whole(_ size: (Int, Int)) async throws {
        let rig = await Rig(columns: size.0, rows: size.1)
        #expect(await rig.text.contains("12.4 syncs/s of 3.4   250 p50 3ms p99 21ms"))
        #expect(await rig.text.contains("half under 40m   95% under 5h"))
        try await rig.expect("overview")
    }

    @Test("a feed that knows nothing of the disk shows nothing of it")
    func withoutDisk() async {
        let feed = ScriptedFeed.busy
        feed.write { $0.overview.durability = nil }
        let rig = await Rig(feed, columns: 100, rows: 30)
        #expect(await !rig.text.contains("syncs"))
    }

    @Test("o shows the queue by domain, each of which is a door, and by next hop again")
    func domains() async throws {
        let rig = await Rig(columns: 100, rows: 30)
        await rig.press("o")
        #expect(await rig.text.contains("Queue by domain and age"))
        // Those that wait the most are told of, and not how many there are.
        #expect(await !rig.text.contains("Queue by domain and age ("))
        #expect(await rig.cursorLine.contains("example.org  by mx.example.org:25"))
        try await rig.expect("overview-domains")
        await rig.press("j", .enter)
        #expect(await rig.text.contains("filter: to:\"@example.com>\"   1 of 3"))
        await rig.press("1", "o")
        #expect(await rig.text.contains("Queue by destination and age"))
    }

    @Test("a feed that does not tell domains apart says so")
    func withoutDomains() async {
        let feed = ScriptedFeed.busy
        feed.write { $0.overview.domains = nil }
        let rig = await Rig(feed, columns: 100, rows: 30)
        await rig.press("o")
        #expect(await rig.text.contains("this feed does not tell domains apart"))
    }

    @Test("the newest facts are shown, each once, in a flood and when that is over")
    func flood() async {
        let feed = ScriptedFeed.busy
        let rig = await Rig(feed, columns: 120, rows: 60)
        var written = 0
        // More than the box keeps comes between two reads, and then less.
        for count in [3, 500, 500, 3, 2, 500, 1] {
            let fresh = (0..<count).map { number in
                FactRow(at: ScriptedFeed.now, kind: .accepted, message: "F\(10_000 + written + number)")
            }
            written += count
            feed.write { $0.facts += fresh }
            await rig.refresh()
            let shown = await rig.lines(" F1").compactMap { line in
                line.split(separator: " ").compactMap { $0.hasPrefix("F1") ? Int($0.dropFirst()) : nil }.first
            }
            #expect(!shown.isEmpty)
            #expect(shown == shown.indices.map { 10_000 + written - 1 - $0 })
        }
    }
}
