import Foundation
import GRDB
import Mail
import NIOCore
import Testing

@testable import Spool

@Suite("a spool that the disk changed", .timeLimit(.minutes(5)))
struct DamageTests {
    /// Everything a start would hand to the queue.
    private func leased(_ spool: TemporarySpool) async throws -> (messages: Set<QueueID>, damaged: Set<QueueID>) {
        var found: (messages: Set<QueueID>, damaged: Set<QueueID>) = ([], [])
        var last: QueueID?
        while true {
            let lease = try await spool.spool.lease(after: last, count: 7)
            guard let end = lease.end else { return found }
            found.messages.formUnion(lease.messages.map(\.id))
            found.damaged.formUnion(lease.damaged.map(\.message))
            last = end
        }
    }

    /// Content that nobody else has.
    private func content(_ number: Int) -> String { "Subject: \(number)\r\n\r\nhello\r\n" }

    @Test("what a recipient waits with tells whether that is damage")
    func words() {
        let id = QueueID(rawValue: 1_795_507_200_000)
        for words in [
            "\(SpoolError.changedContent(of: id))", "the content of \(id) ends early",
            "the content of \(id) is not there",
            "relayed, but that could not be written down: the spool's row of \(id) is damaged",
            "a row of the spool is damaged: its state is none",
            "the spool's database is damaged (malformed): see there",
        ] { #expect(SpoolError.tellsOfDamage(words), "\(words)") }
        for words in [
            "550 the content of your-message ends early", "550 the content of \(id) ends early", "452 4.2.2 over quota",
            "the content of ", "looks damaged",
            "the message could not be read: the spool cannot be read",
        ] { #expect(!SpoolError.tellsOfDamage(words), "\(words)") }
    }

    @Test("a row that cannot be unpacked is named, and hides no other")
    func row() async throws {
        let spool = try TemporarySpool()
        var ids: [QueueID] = []
        for number in 0..<20 { ids.append(try await spool.accept(content: self.content(number)).id) }
        await spool.spool.close()
        let broken = [ids[6], ids[7]].map(\.rawValue)
        try await DatabaseQueue(path: "\(spool.path)/spool.sqlite").write { db in
            try db.execute(
                sql: "UPDATE messages SET recipients = x'0100' WHERE id IN (?, ?)",
                arguments: StatementArguments(broken))
        }
        try await spool.reopen()
        let found = try await self.leased(spool)
        #expect(found.damaged == [ids[6], ids[7]])
        #expect(found.messages == Set(ids).subtracting(found.damaged))
        // Nor does it hinder what happens to others.
        let message = try #require(try await spool.spool.message(ids[0]))
        #expect(try await spool.settle(message, [.relayed]) == .done(generation: 1, isGone: true))
        let damaged = try #require(try await spool.spool.lease(after: ids[5], count: 1).damaged.first)
        try await spool.spool.report([damaged], at: Timestamp(milliseconds: 1), on: spool.loop).get()
        #expect(try await spool.spool.facts(of: ids[6]).map(\.kind) == [.accepted, .damaged])
    }

    @Test("a page of the messages that the disk overwrote costs those in it, and no other")
    func page() async throws {
        let spool = try TemporarySpool()
        var ids: [QueueID] = []
        for number in 0..<400 { ids.append(try await spool.accept(content: self.content(number)).id) }
        try await spool.reopen()
        await spool.spool.close()
        try spool.overwritePage(of: "messages", at: 0.5)
        try await spool.reopen()
        let found = try await self.leased(spool)
        #expect(!found.damaged.isEmpty)
        #expect(found.damaged.count < 100)
        #expect(found.messages == Set(ids).subtracting(found.damaged))
    }

    @Test("content that is missing, or not as long as it was, is damage; a file that is only out of reach is not")
    func content() async throws {
        let spool = try TemporarySpool()
        var ids: [QueueID] = []
        for _ in 0..<3 {
            let message = spool.message(octets: 200_000)
            let file = spool.spool.newContentFile(for: message.id)
            try file.append(ByteBuffer(repeating: 0x61, count: 200_000))
            try file.finish()
            try await spool.spool.accept(NewMessage(message, content: .file(file)), on: spool.loop).get()
            ids.append(message.id)
        }
        let inline = try await spool.accept()
        func code(_ id: QueueID) async -> SpoolError.Code? {
            do {
                _ = try await spool.content(of: id)
                return nil
            } catch { return (error as? SpoolError)?.code }
        }
        #expect(unlink("\(spool.path)/content/\(ids[0])") == 0)
        #expect(truncate("\(spool.path)/content/\(ids[1])", 100) == 0)
        #expect(await code(ids[0]) == .damaged)
        #expect(await code(ids[1]) == .damaged)
        #expect(await code(ids[2]) == nil)
        try await spool.reopen()
        await spool.spool.close()
        try await DatabaseQueue(path: "\(spool.path)/spool.sqlite").write { db in
            try db.execute(sql: "UPDATE content SET octets = x'61'")
        }
        try await spool.reopen()
        #expect(await code(inline.id) == .damaged)
        #expect(rename("\(spool.path)/content", "\(spool.path)/elsewhere") == 0)
        #expect(await code(ids[2]) == .unavailable)
    }

    @Test("a damaged page of the facts stops no mail and no start, and hides no other fact", arguments: [0, 0.5])
    func facts(_ place: Double) async throws {
        let spool = try TemporarySpool()
        var ids: [QueueID] = []
        for _ in 0..<3 {
            let targets = try await withThrowingTaskGroup(of: QueueID.self) { group in
                for _ in 0..<400 {
                    let message = spool.message(octets: 1)
                    let new = NewMessage(message, content: .buffer(ByteBuffer(string: "x")))
                    let accepted = spool.spool.accept(new, on: spool.loop)
                    group.addTask {
                        try await accepted.get()
                        return message.id
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            ids += targets
        }
        await spool.spool.close()
        try spool.overwritePage(of: "facts", at: place)
        try await spool.reopen()
        #expect(try await self.allFacts(spool).count > 1000)
        #expect(try await spool.spool.newestFacts(count: 10_000).facts.count > 1000)
        var readable = 0
        for id in ids { readable += try await spool.spool.facts(of: id).count }
        #expect((1001..<1200).contains(readable))
        #expect(try await spool.spool.newestFacts(count: 1).end == FactCursor("1200"))
        // Few are kept, so that the damage is met.
        try await spool.reopen(factsKept: 10)
        for _ in 0..<3 { try await spool.accept() }
        await spool.spool.close()
        try await spool.reopen()
        #expect(try await spool.spool.newestFacts(count: 1).end == FactCursor("1203"))
        #expect(try await spool.spool.counters().accepted == 1203)
    }

    private func allFacts(_ spool: TemporarySpool) async throws -> [Fact] {
        var all: [Fact] = []
        var end = FactCursor.start
        while true {
            let page = try await spool.spool.facts(after: end, count: 100)
            if page.facts.isEmpty { return all }
            all += page.facts
            end = page.end
        }
    }

    @Test("a fact that cannot be read is passed over")
    func fact() async throws {
        let spool = try TemporarySpool()
        let id = try await spool.accept().id
        for _ in 0..<4 { try await spool.accept() }
        await spool.spool.close()
        try await DatabaseQueue(path: "\(spool.path)/spool.sqlite").write { db in
            try db.execute(sql: "UPDATE facts SET kind = 'odd' WHERE sequence IN (1, 2, 3, 5)")
        }
        try await spool.reopen()
        let page = try await spool.spool.facts(after: .start, count: 2)
        #expect((page.facts.count, page.end, page.missing) == (1, FactCursor("4"), 3))
        #expect(try await spool.spool.facts(after: page.end, count: 2) == FactPage([], end: page.end))
        #expect(try await spool.spool.newestFacts(count: 3) == FactPage(page.facts, end: page.end))
        #expect(try await spool.spool.facts(of: id).isEmpty)
    }

    @Test("a fact of many recipients whose row is damaged is passed over, whatever is wrong with it")
    func factOfMany() async throws {
        let changes = [
            "sequence = -9223372036854775808", "sequence = 1 - sequence", "others = x'02FFFFFFFF'", "others = 'text'",
            "others = x''",
        ]
        for change in changes {
            let spool = try TemporarySpool()
            let message = try await spool.accept(recipients: 4)
            _ = try await spool.settle(message, [.relayed, .relayed, .relayed, .relayed])
            let next = try await spool.accept()
            await spool.spool.close()
            try await DatabaseQueue(path: "\(spool.path)/spool.sqlite").write { db in
                try db.execute(sql: "UPDATE facts SET \(change) WHERE others IS NOT NULL")
            }
            _ = try SpoolInspection(directory: spool.path).check { _, _, _ in }
            try await spool.reopen()
            #expect(try await spool.spool.facts(of: message.id).map(\.kind) == [.accepted], "\(change)")
            #expect(try await spool.spool.newestFacts(count: 10).facts.map(\.kind) == [.accepted, .accepted])
            #expect(
                try await spool.spool.facts(after: .start, count: 10).facts.map(\.message) == [message.id, next.id])
        }
    }

    @Test("a drop whose row is damaged stops no other from being taken back or forgotten")
    func drops() async throws {
        let spool = try TemporarySpool()
        var ids: [QueueID] = []
        for _ in 0..<6 { ids.append(try await spool.accept().id) }
        let targets = ids.map { RecipientTarget(message: $0, index: 0, generation: 0) }
        let until = Timestamp(milliseconds: 1000)
        let token = try #require(try await spool.apply(.drop(undoUntil: until), targets).undo)
        await spool.spool.close()
        let changed = ids
        try await DatabaseQueue(path: "\(spool.path)/spool.sqlite").write { db in
            for (index, change) in ["until = 'x'", "before = x'FF'", "generation = -1"].enumerated() {
                try db.execute(
                    sql: "UPDATE dropped SET \(change) WHERE message = ?", arguments: [changed[index].rawValue])
            }
            try db.execute(
                sql: "UPDATE messages SET recipients = x'FF' WHERE id = ?", arguments: [changed[3].rawValue])
        }
        try await spool.reopen()
        let undone = try await spool.spool.undo(
            token, after: nil, at: Timestamp(milliseconds: 5), by: "bob", on: spool.loop
        )
        .get()
        #expect(undone.changes.map(\.message) == [ids[4], ids[5]])
        #expect(undone.skipped == [.damaged: 3, .changed: 1])
        _ = try await spool.spool.purge(at: Timestamp(milliseconds: 2000), on: spool.loop).get()
        #expect(try await spool.spool.message(ids[1]) == nil)
        #expect(try await spool.spool.message(ids[2]) == nil)
        #expect(try await spool.spool.message(ids[4]) != nil)
    }

    @Test(
        "a damaged page of the drops, or of their messages, stops no start, and what else is too old is forgotten",
        arguments: ["dropped", "messages"])
    func droppedPage(_ table: String) async throws {
        let spool = try TemporarySpool()
        var ids: [QueueID] = []
        for _ in 0..<300 { ids.append(try await spool.accept().id) }
        let targets = ids.map { RecipientTarget(message: $0, index: 0, generation: 0) }
        _ = try await spool.apply(.drop(undoUntil: Timestamp(milliseconds: 1000)), targets)
        await spool.spool.close()
        try spool.overwritePage(of: table, at: 0.5)
        try await spool.reopen()
        _ = try? await spool.spool.purge(at: Timestamp(milliseconds: 2000), on: spool.loop).get()
        _ = try await spool.spool.purge(at: Timestamp(milliseconds: 2000), on: spool.loop).get()
        let left = try await spool.spool.lease(after: nil, count: 1000).messages.count
        #expect(left < 260, "\(left)")
    }

    @Test("content that ends while it is read is damage, not a shorter message")
    func endsEarly() async throws {
        let spool = try TemporarySpool()
        let message = spool.message(octets: 200_000)
        let file = spool.spool.newContentFile(for: message.id)
        try file.append(ByteBuffer(repeating: 0x61, count: 200_000))
        try file.finish()
        try await spool.spool.accept(NewMessage(message, content: .file(file)), on: spool.loop).get()
        let source = try await spool.spool.content(of: message.id, on: spool.loop).get()
        #expect(truncate("\(spool.path)/content/\(message.id)", 100_000) == 0)
        let error = await #expect(throws: SpoolError.self) {
            try await source.read(from: 100_000, count: 100_000, on: spool.loop).get()
        }
        #expect(error?.code == .damaged)
    }
}

extension TemporarySpool {
    /// What a disk that writes the wrong block does: one of the leaf pages of a table is noise.
    ///
    /// - Parameter place: which one, from 0 (the first) to 1 (the last).
    func overwritePage(of table: String, at place: Double) throws {
        let leaves = try self.leaves(of: table)
        try #require(leaves.count > 1)
        try self.overwrite([leaves[Int(Double(leaves.count - 1) * place)]])
    }

    /// The numbers of its pages, in order, while it is sound.
    func leaves(of table: String) throws -> [Int] {
        try DatabaseQueue(path: "\(self.path)/spool.sqlite").read { db in
            try Int.fetchAll(
                db, sql: "SELECT pageno FROM dbstat WHERE name = ? AND pagetype = 'leaf' ORDER BY path",
                arguments: [table])
        }
    }

    func overwrite(_ pages: some Sequence<Int>, with octets: Data = Data(repeating: 0xA5, count: 8192)) throws {
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: "\(self.path)/spool.sqlite"))
        for page in pages {
            try file.seek(toOffset: UInt64((page - 1) * 8192))
            try file.write(contentsOf: octets)
        }
        try file.close()
    }
}
