import Mail
import Monitor
import SMTP
import Spool
import Testing

@testable import Relay

@Suite("what fails, counted by what was said")
struct FailureCountTests {
    private static let now = Timestamp(milliseconds: 1_795_510_800_000)
    private var index = QueueIndex()
    private var last: Int64 = 0

    private static func path(_ address: String) -> ForwardPath {
        let parts = address.split(separator: "@").map(String.init)
        return .path(Path(mailbox: Mailbox(localPart: parts[0], domain: Domain(parts[1]))))
    }

    /// A message whose recipients are deferred with these replies.
    private mutating func add(_ recipients: [(to: String, reply: String)]) throws -> QueueIndex.Slot {
        self.last += 1
        var message = SpooledMessage(
            id: QueueID(rawValue: self.last), arrived: Self.now, reversePath: .null, arrival: Arrival(with: "ESMTP"),
            contentOctets: 1,
            recipients: [])
        message.recipients = recipients.enumerated().map { place, recipient in
            var spooled = SpooledRecipient(
                index: place, forwardPath: Self.path(recipient.to), due: Self.now)
            if !recipient.reply.isEmpty {
                spooled.state = .deferred
                spooled.lastReply = recipient.reply
            }
            return spooled
        }
        let slot = self.index.add(message, destinations: recipients.map { _ in -1 }, at: Self.now)
        return try #require(slot)
    }

    private mutating func attempt(_ slot: QueueIndex.Slot, _ reply: String, after seconds: Int64) {
        for (place, row) in Array(self.index.rows(of: slot)).enumerated() {
            let outcome = Settlement.Outcome(
                index: place, generation: 0, state: .deferred, due: Self.now, reply: reply)
            self.index.settled(
                row, outcome, messageGeneration: 1, at: Self.now.adding(milliseconds: seconds * 1000))
        }
    }

    private func failures(_ bounces: RecentBounces = RecentBounces()) -> Failures {
        var count = FailureCount()
        for slot in self.index.ids.indices where self.index.ids[slot] != 0 {
            for row in self.index.rows(of: QueueIndex.Slot(slot)) where self.index.states[Int(row)] == .deferred {
                count.add(row, of: self.index)
            }
        }
        return count.failures(bounces, at: Self.now)
    }

    @Test("replies that say the same are one group, with its recipients and domains; the door names it")
    func groups() throws {
        var party = self
        _ = try party.add([
            ("bob@a.example", "452 4.2.2 Mailbox of <bob@a.example> is full, id 7"),
            ("kim@B.example", "452 4.2.2 mailbox of <kim@b.example> is full, id 8"),
        ])
        _ = try party.add([("lee@b.example", "452 4.2.2 Mailbox of <lee@b.example> is full, id 9")])
        _ = try party.add([("eve@c.example", "450 4.2.0 greylisted"), ("new@c.example", "")])
        let failures = party.failures()
        #expect(
            failures.groups.map(\.fingerprint.text) == ["452 4.2.2 mailbox of * is full, id *", "450 4.2.0 greylisted"])
        #expect(failures.groups.map(\.deferred) == [3, 1])
        #expect(failures.groups.map(\.domains) == [2, 1])
        #expect(failures.groups.map(\.domain) == ["a.example", "c.example"])
        #expect(failures.groups.first?.door?.text == #"state:deferred failure="452 4.2.2 mailbox of * is full, id *""#)
        #expect(failures.otherDeferred == 0 && failures.moreGroups == 0)
    }

    @Test("since when: unknown of what was so at the start, and anew when the host says something else")
    func since() throws {
        var party = self
        let old = try party.add([("bob@a.example", "452 full")])
        party.attempt(old, "452 full", after: 10)
        #expect(party.failures().groups.map(\.since) == [nil])
        let new = try party.add([("kim@b.example", "")])
        party.attempt(new, "451 busy 1", after: 20)
        party.attempt(new, "451 busy 2", after: 30)
        let busy = try #require(party.failures().groups.first { $0.fingerprint.text == "451 busy *" })
        #expect(busy.since == Self.now.adding(milliseconds: 20_000))
        party.attempt(old, "451 busy 3", after: 40)
        party.index.shift(by: 60_000, to: Self.now.adding(milliseconds: 100_000))
        let both = try #require(party.failures().groups.first)
        #expect(both.deferred == 2 && both.since == Self.now.adding(milliseconds: 80_000))
        party.index.remove(new)
        #expect(party.failures().groups.map(\.deferred) == [1])
    }

    @Test("mail that an undo brings back failed since it came, where that was since the start")
    func takenBack() throws {
        for (started, since) in [(-1000, Self.now), (1000, nil)] as [(Int64, Timestamp?)] {
            var party = self
            party.index.started = Self.now.adding(milliseconds: started)
            _ = try party.add([("bob@a.example", "452 full")])
            #expect(party.failures().groups.map(\.since) == [since])
        }
    }

    @Test("hosts that say something else each time fill no memory: the rest is counted as such")
    func bounded() throws {
        var party = self
        for number in 0..<12_000 {
            let letters = String(number).utf8.map { Character(UnicodeScalar($0 + 0x31)) }
            _ = try party.add([("bob@a.example", "451 \(String(letters))")])
        }
        let failures = party.failures()
        #expect(failures.groups.count == 20)
        #expect(failures.moreGroups == 9980)
        #expect(failures.otherDeferred == 11_980)
    }

    @Test("what expired is told apart from what bounced, over the whole hour")
    func expired() {
        var bounces = RecentBounces()
        bounces.add("452 full", hasExpired: true, at: Self.now.adding(milliseconds: -3_000_000))
        bounces.add("452 full", hasExpired: true, at: Self.now)
        bounces.add("452 full", at: Self.now)
        let group = self.failures(bounces).groups.first
        #expect(group?.bounced == 3 && group?.expired == 2)
        #expect(group?.words(Self.now) == "1 bounced, 2 expired within an hour")
    }

    @Test("what bounced within the hour is beside what is deferred, and goes after it")
    func bounces() throws {
        var party = self
        _ = try party.add([("bob@a.example", "552 full")])
        var bounces = RecentBounces()
        bounces.add("550 no <bob@a.example>", at: Self.now.adding(milliseconds: -4_200_000))
        bounces.add("552 full", at: Self.now.adding(milliseconds: -3_000_000))
        bounces.add("550 no <kim@a.example>", at: Self.now.adding(milliseconds: -60_000))
        bounces.add("550 no <lee@a.example>", at: Self.now)
        let groups = party.failures(bounces).groups
        #expect(groups.map(\.fingerprint.text) == ["550 no *", "552 full"])
        #expect(groups.map(\.bounced) == [2, 1])
        #expect(groups.map(\.expired) == [nil, nil])
        #expect(groups.map(\.door?.text) == [nil, #"state:deferred failure="552 full""#])
        for number in 0..<2000 {
            bounces.add("550 \(String(repeating: "x", count: number % 190))", at: Self.now)
            bounces.add("551 \(["a", "b", "c"][number % 3])\(String(repeating: "y", count: number / 20))", at: Self.now)
        }
        #expect(bounces.counts(at: Self.now).count <= 502)
    }
}
