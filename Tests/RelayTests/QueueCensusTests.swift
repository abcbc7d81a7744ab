import Mail
import Monitor
import SMTP
import Spool
import Testing

@testable import Relay

@Suite("the queue counted by where it goes, how old it is, and whom it is for")
struct QueueCensusTests {
    private static let now = Timestamp(milliseconds: 1_795_510_800_000)
    private static let minute: Int64 = 60_000
    private var index = QueueIndex()
    private var last: Int64 = 0

    init() { self.index.makeRoom(forDestinations: 2) }

    private static func path(_ address: String) -> ForwardPath {
        let parts = address.split(separator: "@").map(String.init)
        return .path(Path(mailbox: Mailbox(localPart: parts[0], domain: Domain(parts[1]))))
    }

    private mutating func add(
        _ recipients: [(to: String, destination: QueueIndex.DestinationIndex)], minutes: Int64 = 0, reply: String? = nil
    ) throws -> QueueIndex.Slot {
        self.last += 1
        var message = SpooledMessage(
            id: QueueID(rawValue: self.last), arrived: Self.now.adding(milliseconds: -minutes * Self.minute),
            reversePath: .null, arrival: Arrival(with: "ESMTP"), contentOctets: 1, recipients: [])
        message.recipients = recipients.enumerated().map { place, recipient in
            var spooled = SpooledRecipient(index: place, forwardPath: Self.path(recipient.to), due: Self.now)
            if reply != nil { spooled.state = .deferred }
            spooled.lastReply = reply
            return spooled
        }
        let slot = self.index.add(message, destinations: recipients.map(\.destination), at: Self.now)
        return try #require(slot)
    }

    private func census(destinations: Int = 2) -> QueueCensus {
        let count = QueueCount(at: Self.now, destinations: destinations, newest: 2)
        let half = self.index.ids.count / 2
        count.add(0..<half, of: self.index)
        count.add(half..<self.index.ids.count, of: self.index)
        return count.census(self.index)
    }

    @Test("each recipient counts where it goes, in the column of its age; what left does not")
    func destinations() throws {
        var party = self
        _ = try party.add([("a@x.example", 0), ("b@y.example", 1)], minutes: 7)
        _ = try party.add([("c@X.example", 0)], minutes: 2000, reply: "450 later")
        let gone = try party.add([("d@x.example", 0)])
        party.index.remove(gone)
        let census = party.census()
        #expect(census.byDestination.count == 2)
        #expect(census.byDestination[0]?.ages.columns == [0, 1, 0, 0, 0, 0, 0, 0, 0, 1])
        #expect(census.byDestination[0]?.deferred == 1)
        #expect(census.byDestination[0]?.reply == "450 later")
        #expect(census.byDestination[1]?.ages.total == 1)
        #expect(census.oldest == Self.now.adding(milliseconds: -2000 * Self.minute))
        #expect(census.unroutedDomains.count == 0)
        // Letters of a domain compare without case.
        #expect(census.largestDomains.map(\.name) == ["x.example", "y.example"])
        #expect(census.largestDomains.map(\.group.ages.total) == [2, 1])
        #expect(census.largestDomains.map(\.destination) == [0, 1])
    }

    @Test("the reply of most is told; domains without a route are counted, the first of them by name")
    func repliesAndRoutes() throws {
        var party = self
        for reply in ["450 a", "451 b", "451 b", "450 a", "451 b"] {
            _ = try party.add([("r@z.example", 0)], reply: reply)
        }
        _ = try party.add([("a@n.example", QueueIndex.unrouted), ("b@m.example", QueueIndex.unrouted)])
        _ = try party.add([("c@n.example", QueueIndex.unrouted)])
        let census = party.census()
        #expect(census.byDestination[0]?.reply == "451 b")
        #expect(census.byDestination[QueueIndex.unrouted]?.ages.total == 3)
        #expect(census.unroutedDomains.count == 2)
        #expect(census.unroutedDomains.example == "m.example")
    }

    @Test("a destination that came up since the count began is not in it, its domain is; an address that changed is")
    func changes() throws {
        var party = self
        party.index.makeRoom(forDestinations: 3)
        let slot = try party.add([("a@old.example", 0)])
        _ = try party.add([("b@new.example", 2)])
        let row = try #require(party.index.row(of: slot, index: 0))
        let changed = SpooledRecipient(index: 0, forwardPath: Self.path("a@other.example"), due: Self.now)
        party.index.update(row, to: changed, messageGeneration: 1)
        let census = party.census()
        #expect(Array(census.byDestination.keys) == [0])
        #expect(Set(census.largestDomains.map(\.name)) == ["other.example", "new.example"])
    }
}
