import Mail
import Testing

@testable import Monitor

@Suite("groups of the queue")
struct QueueGroupsTests {
    private static let now = Timestamp(milliseconds: 1_795_510_800_000)

    private static func row(
        _ id: String, from: String, _ state: RecipientState = .queued, reply: String? = nil, user: String? = nil
    ) -> QueueRow {
        QueueRow(
            ref: MessageRef(node: "a", id: id, generation: 0), arrived: now, contentOctets: 10, state: state,
            recipients: RecipientCounts([state: 1]), from: from, to: "<u@example.org>", tries: 0, lastReply: reply,
            user: user)
    }

    @Test(
        "what two filters both match is one filter, with all their alternatives",
        arguments: [
            ("", "state:hold", "state:hold"), ("to:a", "", "to:a"),
            ("to:a | from:b age>1h", "dest=c", "to:a dest=c | from:b age>1h dest=c"),
            ("!to:a|b", "c | d", "!to:a c | !to:a d | b c | b d"), ("to:\"x | y\"  |z", "c", "to:\"x | y\" c | z c"),
        ])
    func narrowed(_ first: String, _ second: String, _ both: String) throws {
        let filter = try FilterExpression(parsing: first).narrowed(to: FilterExpression(parsing: second))
        #expect(filter.text == both)
        #expect(try FilterExpression(parsing: both).alternatives.map(\.count) == filter.alternatives.map(\.count))
    }

    @Test("a group's door matches its rows and no others, whatever a sender or a user is called")
    func doors() {
        let senders = [
            "<>", "<a@x>", "<A@x>", "<a@x.y>", "<\"a b\"@x>", "<\"a|b\"@x>", "<\"a/\\\\b\"@x>", "<a+b@x>", "<a=b@x>",
        ]
        let users = [nil, "ann", "ann b", "a\"b"]
        let rows = senders.enumerated().map { index, sender in
            Self.row("\(index)", from: sender, reply: index < 4 ? "451 later \(index)" : nil, user: users[index % 4])
        }
        for filter in [
            FilterExpression.all, FilterExpression(anyOf: [.init(.from, is: "a@x"), .init(.state, is: "queued")]),
        ] {
            let query = QueueQuery(filter: filter)
            for grouping in QueueGrouping.allCases {
                let groups = query.groups(by: grouping, of: rows, at: Self.now)
                #expect(groups.recipients == rows.count)
                for group in groups.groups {
                    let behind = QueueQuery(filter: group.door(grouping, of: query)).matching(rows, at: Self.now)
                    #expect(behind.count == group.messages, "\(grouping): \(group.value ?? "-")")
                }
                #expect(groups.groups.reduce(0) { $0 + $1.messages } == rows.count)
            }
        }
    }

    @Test("groups of several nodes add up, and what is not told is counted")
    func joined() {
        func groups(_ count: Int, of node: String) -> QueueGroups {
            let rows = (0..<count).map { Self.row("\(node)\($0)", from: "<s\($0)@x>") }
            return QueueQuery().groups(by: .sender, of: rows + [Self.row("t", from: "<s0@x>")], at: Self.now)
        }
        let both = QueueGroups(joining: [groups(3, of: "a"), groups(2, of: "b")], absent: nil)
        #expect(both.groups.map(\.value) == ["s0@x", "s1@x", "s2@x"])
        #expect(both.groups.map(\.recipients.unsettled) == [4, 2, 1])
        #expect(both.recipients == 7 && both.otherRecipients == 0 && !both.isBounded)
        let many = groups(1500, of: "a")
        #expect(many.groups.count == 1000 && many.moreGroups == 500 && many.otherRecipients == 500)
        #expect(!many.isBounded)
    }
}
