import Mail
import SMTP
import Spool
import Testing

@Suite("a part of an undo")
struct UndoPartTests {
    private static let now = Timestamp(milliseconds: 1_795_510_800_000)
    private static let first = QueueID(rawValue: 1)
    private static let second = QueueID(rawValue: 2)

    private static func message(_ id: QueueID, recipients: Int) throws -> SpooledMessage {
        let path = try ForwardPath(parsing: "<b@example.org>", utf8: false)
        let dropped = (0..<recipients).map { index in
            var recipient = SpooledRecipient(index: index, forwardPath: path, due: self.now)
            recipient.state = .dropped
            recipient.generation = 1
            return recipient
        }
        return SpooledMessage(
            id: id, generation: 1, arrived: self.now, reversePath: .null, arrival: Arrival(with: "ESMTP"),
            contentOctets: 1, recipients: dropped)
    }

    private static func drop(_ index: Int, of message: SpooledMessage) -> Drop {
        var before = message.recipients[index]
        before.state = .queued
        return Drop(
            message: message.id, token: 7, until: self.now.adding(milliseconds: 1000), generation: 1, before: before)
    }

    @Test("the drops of a message are taken back together, and what is damaged or gone is skipped")
    func part() throws {
        let message = try Self.message(Self.first, recipients: 2)
        let gone = try Self.message(Self.second, recipients: 1)
        var part = UndoPart()
        part.add(Self.drop(0, of: message), of: Self.first)
        part.add(nil, of: Self.first)
        part.add(Self.drop(1, of: message), of: Self.first)
        part.add(Self.drop(0, of: gone), of: Self.second)
        #expect(part.ids == [Self.first, Self.second])

        var written: [(id: QueueID, changed: [Int])] = []
        let applied = part.takeBack(at: Self.now, by: "ops") {
            $0 == Self.first ? message : nil
        } write: { id, effect, after in
            written.append((id, effect.changed.map(\.index)))
            #expect(after.recipients.allSatisfy { $0.state != .dropped })
        }
        #expect(written.map(\.id) == [Self.first])
        #expect(written.first?.changed == [0, 1])
        #expect(applied.end == Self.second)
        #expect(applied.skipped == [.damaged: 1, .changed: 1])
    }
}
