import Mail
import Monitor
import Testing

@testable import Relay

@Suite("what moves over links")
struct LinkMetersTests {
    private let start = Timestamp(milliseconds: 1_795_510_800_000)

    @Test(
        "a link tells of its last minute, of the time that half of its transactions took, and of the last seconds in steps"
    )
    func traffic() throws {
        var meters = LinkMeters(at: self.start)
        for (seconds, took) in [(0, 900), (50, 10), (51, 30), (52, 20)] as [(Int64, Int64)] {
            meters.moved(
                "D", host: SocketEndpoint(host: "127.0.0.1", port: 2), octets: 100, in: took,
                at: self.start.adding(milliseconds: seconds * 1000))
        }
        let now = self.start.adding(milliseconds: 60_400)
        let known = try #require(meters.traffic(at: now).known["D"])
        #expect(known.host == "127.0.0.1:2")
        #expect(known.traffic.messages == 4)
        // The first one is a minute old by then.
        #expect(known.traffic.lastMinute == 3)
        #expect(known.traffic.octets == 300)
        #expect(known.traffic.median == 20)
        #expect(known.traffic.recent.isEmpty)
    }

    @Test("each step of the last seconds has its own count, the newest last")
    func steps() throws {
        var meters = LinkMeters(at: self.start)
        meters.moved("D", octets: 1, in: 1, at: self.start)
        meters.moved("D", octets: 1, in: 1, at: self.start.adding(milliseconds: 199))
        meters.moved("D", octets: 1, in: 1, at: self.start.adding(milliseconds: 400))
        let recent = try #require(meters.traffic(at: self.start.adding(milliseconds: 600)).known["D"]).traffic.recent
        #expect(recent.count == LinkTraffic.steps)
        #expect(recent.suffix(4) == [2, 0, 1, 0])
    }

    @Test("however many names clients give, so many are remembered: those that moved lately, and the rest together")
    func bounds() {
        var meters = LinkMeters(at: self.start)
        for number in 0..<1000 { meters.moved("c\(number)", octets: 1, in: 1, at: self.start) }
        let full = meters.traffic(at: self.start)
        #expect(full.known.count == 256)
        #expect(full.rest == 744)
        // Who is silent leaves the place to who is not.
        let later = self.start.adding(milliseconds: 61_000)
        meters.moved("new", octets: 1, in: 1, at: later)
        #expect(meters.traffic(at: later).known.keys.sorted() == ["new"])
    }
}
