import Foundation
import Mail
import Monitor
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import SMTP
import Spool
import Testing

@testable import Relay

@Suite("windows on the queue")
struct QueueViewTests {
    private static let now = Timestamp(milliseconds: 1_795_510_800_000)

    private static func queue() throws -> (queue: Queue, folder: String) {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("hoptop-spool-\(UUID())").path
        let configuration = RelayConfiguration(hostname: "mx.example.net", listen: [], spoolDirectory: folder)
        let spool = try SQLiteSpool(directory: folder, threads: .singleton)
        return (try Queue.tested(configuration, spool: spool, at: Self.now), folder)
    }

    private static func fill(_ queue: Queue, _ messages: Int) async throws {
        let mail = try (1...messages).map { number in
            SpooledMessage(
                id: QueueID(rawValue: Int64(number)), arrived: Self.now.adding(milliseconds: Int64(-number)),
                reversePath: .null, arrival: Arrival(with: "ESMTP"), contentOctets: 1,
                recipients: [
                    SpooledRecipient(
                        index: 0, forwardPath: try ForwardPath(parsing: "<u\(number)@example.org>"), state: .deferred,
                        due: Self.now.adding(milliseconds: 3_600_000))
                ])
        }
        try await queue.loop.submit { queue.add(mail) }.get()
    }

    @Test("who takes a part has what was found by then; who does not waits for the same walk, and has all")
    func parts() async throws {
        // Some turns of the loop.
        let (queue, folder) = try Self.queue()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await Self.fill(queue, 30_000)
        let view = QueueView(queue, patience: .zero)
        let query = QueueQuery(filter: try FilterExpression(parsing: "to:example"))
        let first = try await view.window(query, WindowRequest(.row(number: 0), count: 10, takesPart: true))
        #expect(first.isPart == true)
        #expect((10..<30_000).contains(first.matched))
        #expect(first.rows.count == 10)
        #expect(first.total == 30_000)
        // Who has it and wants no more of it leaves the rest undone; who comes back has it all.
        let other = QueueQuery(filter: try FilterExpression(parsing: "to:u1"))
        let left = try await view.window(other, WindowRequest(.row(number: 0), count: 10, takesPart: true))
        #expect(left.isPart == true)
        #expect(left.matched < 11_111)
        #expect(try await view.window(other, WindowRequest(.row(number: 0), count: 10)).matched == 11_111)
        let whole = try await view.window(query, WindowRequest(.row(number: 0), count: 10))
        #expect(whole.isPart == nil)
        #expect(whole.matched == 30_000)
        #expect(whole.rows.first?.ref.id == QueueID(rawValue: 30_000).description)
        // It is known by now.
        let again = try await view.window(query, WindowRequest(.row(number: 0), count: 10, takesPart: true))
        #expect(again.isPart == nil)
        #expect(again == whole)
    }

    @Test("what is damaged and on hold is found by a state of its own, and by that of hold")
    func damaged() async throws {
        let (queue, folder) = try Self.queue()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let id = QueueID(rawValue: 1)
        // As they are after a restart, or at another node: one is held by somebody.
        let replies = ["the content of \(id) ends early", "452 4.2.2 over quota", "the content of it ends early"]
        let mail = try [RecipientState.hold, .hold, .deferred].enumerated().map { number, state in
            SpooledMessage(
                id: QueueID(rawValue: Int64(number + 1)), arrived: Self.now, reversePath: .null,
                arrival: Arrival(with: "ESMTP"), contentOctets: 1,
                recipients: [
                    SpooledRecipient(
                        index: 0, forwardPath: try ForwardPath(parsing: "<u\(number + 1)@example.org>"), state: state,
                        due: Self.now.adding(milliseconds: 3_600_000), lastReply: replies[number])
                ])
        }
        try await queue.loop.submit { queue.add(mail) }.get()
        let view = QueueView(queue)
        func found(_ filter: String) async throws -> [String] {
            let query = QueueQuery(filter: try FilterExpression(parsing: filter))
            return try await view.window(query, WindowRequest(.row(number: 0), count: 10)).rows.map(\.to).sorted()
        }
        #expect(try await found("state:damaged") == ["<u1@example.org>"])
        #expect(try await found("state:hold") == ["<u1@example.org>", "<u2@example.org>"])
        #expect(try await found("!state:damaged") == ["<u2@example.org>", "<u3@example.org>"])
        #expect(try await found("state:d") == ["<u3@example.org>"])
        #expect(try await found("state:deferred | state:damaged") == ["<u1@example.org>", "<u3@example.org>"])
    }

    @Test("what leaves the queue while it is put in order is not shown, nor counted")
    func leaving() async throws {
        let (queue, folder) = try Self.queue()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await Self.fill(queue, 30_000)
        let isOver = NIOLockedValueBox(false)
        // One in each turn of the loop, of those that are walked through first and stand on top.
        @Sendable func leave(_ number: Int64) {
            guard number < 8000, !isOver.withLockedValue({ $0 }) else { return }
            queue.tell { $0.messageRead(QueueID(rawValue: number), nil, at: $1) }
            queue.loop.execute { leave(number + 1) }
        }
        queue.loop.execute { leave(1) }
        let window = try await QueueView(queue).window(
            QueueQuery(descending: false), WindowRequest(.row(number: 0), count: 10))
        isOver.withLockedValue { $0 = true }
        #expect(window.total < 30_000)
        #expect(window.matched == window.total)
        #expect(window.rows.count == 10)
        #expect(window.rows.first.flatMap { QueueID($0.ref.id)?.rawValue } == Int64(30_001 - window.total))
    }

    @Test("where nothing is found before the end, the answer is whole")
    func noPart() async throws {
        let (queue, folder) = try Self.queue()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await Self.fill(queue, 20_000)
        let view = QueueView(queue, patience: .zero)
        let nothing = QueueQuery(filter: try FilterExpression(parsing: "to:nowhere"))
        let window = try await view.window(nothing, WindowRequest(.row(number: 0), count: 10, takesPart: true))
        #expect(window.isPart == nil)
        #expect(window.matched == 0)
    }
}
