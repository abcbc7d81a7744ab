import Foundation
import Mail
import Monitor
import NIOCore
import NIOPosix
import SMTP
import Spool
import SpoolTesting
import Testing

@testable import Journal

@Suite("the journal", .timeLimit(.minutes(5)))
struct JournalTests {
    @Test("an entry says all that the fact said, and what is known of its message")
    func entries() async throws {
        let test = try TestJournal()
        let message = try await test.accept()
        try await test.settle(message, .relayed, after: 40)
        try await test.takeUp()
        let rows = try await test.find(newestFirst: false).rows
        let id = message.id.description
        #expect(
            rows == [
                JournalEntry(
                    ref: JournalRef(node: "mx1", number: 1),
                    fact: FactRow(
                        at: TestJournal.start, kind: .accepted, message: id, from: "<ann@example.net>",
                        text: "192.0.2.7:40112", session: SessionRef(node: "mx1", id: "in#1"), contentOctets: 51),
                    messageID: "<1@example.net>", subject: "hi", peer: "192.0.2.7:40112", hello: "c.example",
                    with: "ESMTP", user: "ann", security: .plaintext),
                JournalEntry(
                    ref: JournalRef(node: "mx1", number: 2),
                    fact: FactRow(
                        at: TestJournal.start.adding(milliseconds: 40), kind: .relayed, message: id,
                        from: "<ann@example.net>", recipient: 0, to: "<bob@example.org>",
                        nextHop: "mx.example.org:25", remoteID: "7TD9", text: "250 2.0.0 Ok: queued as 7TD9",
                        session: SessionRef(node: "mx1", id: "out#1"), contentOctets: 51, milliseconds: 12),
                    security: SessionSecurity(tls: "TLSv1.3")),
            ])
        #expect(try await test.journal.facts(of: message.id).map(\.kind) == [.accepted, .relayed])
    }

    @Test("a session that another node of the fleet ended is none of this node's of the same number")
    func sessionElsewhere() async throws {
        let test = try TestJournal()
        let closed = ["mx1", "mx2"].map { node in
            Fact(at: TestJournal.start, kind: .closed, message: nil, text: node, session: "out#7", actor: "ops")
        }
        try await test.spool.note(closed, on: test.loop).get()
        try await test.takeUp()
        let rows = try await test.find(newestFirst: false).rows
        #expect(rows.map(\.fact.session) == [SessionRef(node: "mx1", id: "out#7"), nil])
    }

    @Test("windows go on where the one before ended, in either order, over many blocks")
    func windows() async throws {
        let test = try TestJournal()
        let count = 2 * Block.entriesAtMost + 40
        for number in 1...count {
            try await test.accept(to: number % 100 == 0 ? "rare@example.org" : "bob@example.org", after: Int64(number))
        }
        try await test.takeUp()
        for newestFirst in [true, false] {
            var numbers: [Int64] = []
            var place: String?
            while true {
                let window = try await test.find(newestFirst: newestFirst, behind: place, count: 300)
                numbers += window.rows.map(\.ref.number)
                place = window.end
                #expect(window.total == count)
                if window.isComplete { break }
            }
            let all = (1...count).map(Int64.init)
            #expect(numbers == (newestFirst ? all.reversed() : all))
        }
        // What came since the newest that was shown is behind its place in the other order.
        let newest = try await test.find(count: 10)
        let message = try await test.accept(after: Int64(count + 1))
        try await test.takeUp()
        let since = try await test.find(newestFirst: false, behind: newest.start)
        #expect(since.rows.map(\.fact.message) == [message.id.description] && since.isComplete)
    }

    @Test(
        "a search finds what the filter says, whatever it passes over",
        arguments: [
            "", "rare", "to=rare1@example.org", "state:relayed", "code:452", "state:deferred code:4.2.2",
            "!state:accepted",
            "rare1 | rare2", "id:ZZZZZZ", "msgid:7@", "reply:/over.*quota/", "dest=mx.example.org:25", "user=ann",
            "tls:tlsv1.3", "subject:hi", "size>10", "session=out#1", "at<2026-11-24T09:00:01Z", "RARE2@EXAMPLE.ORG",
            "reply:/over q?uota/", "to:/RARE[12]@/", "/^rare1@ex.mple/", "msgid:/<69+@x>/",
            "reply:/(under|over) quota/",
            #"!to:/rare\d/"#, #"to:/^(bob|rare1)@/ state:accepted | to:/rare2@/"#,
        ])
    func search(_ text: String) async throws {
        let test = try TestJournal()
        for number in 0..<700 {
            let message = try await test.accept(
                to: number % 97 == 0 ? "rare\(number / 97)@example.org" : "bob@example.org", messageID: "<\(number)@x>",
                after: Int64(number))
            if number % 5 == 0 || number % 97 == 0 { try await test.settle(message, .relayed, after: Int64(number)) }
            if number % 111 == 0 {
                try await test.settle(message, .deferred, reply: "452 4.2.2 over quota", after: Int64(number))
            }
        }
        try await test.takeUp()
        let all = try await test.find(count: 5000).rows
        let filter = try FilterExpression(parsing: text)
        let expected = all.filter { filter.matches(JournalSubject($0, at: TestJournal.start)) }
        #expect(try await test.find(text, count: 5000).rows == expected)
        #expect(text.hasPrefix("id:") || !expected.isEmpty)
        // A time and a second filter leave fewer, and never others.
        let since = TestJournal.start.adding(milliseconds: 350)
        #expect(
            try await test.find(text, since: since, count: 5000).rows == expected.filter { $0.fact.at >= since })
        let until = try await test.find(text, until: since, count: 5000).rows
        #expect(until == expected.filter { $0.fact.at < since })
    }

    @Test("a program that begins anew goes on where the last one was, each fact once; sessions of before keep a name")
    func restarts() async throws {
        let test = try TestJournal()
        for round in 0..<5 {
            let message = try await test.accept(after: Int64(1000 * round))
            if round % 2 == 0 { try await test.takeUp() }
            await test.restart(since: TestJournal.start.adding(milliseconds: Int64(1000 * round) + 500))
            try await test.settle(message, .relayed, after: Int64(1000 * round) + 600)
        }
        try await test.takeUp()
        let rows = try await test.find(newestFirst: false).rows
        #expect(rows.map(\.fact.kind) == (0..<5).flatMap { _ in [.accepted, .relayed] as [FactRow.Kind] })
        #expect(rows.map(\.ref.number) == Array(1...10))
        #expect(rows.first?.fact.session?.id == "in#1@1")
        #expect(rows.last?.fact.session?.id == "out#1")
        await test.finish()
    }

    @Test("a journal that is kept again goes on where it was, with what happened meanwhile")
    func keptAgain() async throws {
        let test = try TestJournal()
        try await test.accept()
        try await test.takeUp()
        for meanwhile in 0...1 {
            await test.finish()
            Journal.forget(test.spool)
            for number in 0..<meanwhile { try await test.accept(after: Int64(1000 + number)) }
            while try await test.spool.acknowledged(by: "journal") != nil {
                try await Task.sleep(for: .milliseconds(5))
            }
            await test.restart()
            try await test.takeUp()
            #expect(try await test.find().rows.count == 1 + meanwhile)
        }
        await test.finish()
    }

    @Test("a journal that was taken away begins anew with what the spool still has; a new spool is counted anew")
    func replaced() async throws {
        let test = try TestJournal()
        try await test.accept()
        try await test.takeUp()
        await test.finish()
        try FileManager.default.removeItem(atPath: test.folder + "/journal")
        await test.restart()
        try await test.takeUp()
        #expect(try await test.find().rows.count == 1)
        let other = try TestJournal()
        try await other.accept()
        await other.finish()
        try FileManager.default.removeItem(atPath: other.folder + "/journal")
        await test.finish()
        try FileManager.default.copyItem(atPath: test.folder + "/journal", toPath: other.folder + "/journal")
        // That spool has told its own journal already.
        await other.restart()
        try await other.takeUp()
        #expect(try await other.find().rows.count == 1)
    }

    @Test("a spool moved into a store of another kind is followed on, whether or not the store knows of the journal")
    func movedSpool() async throws {
        for isKnown in [false, true] {
            let test = try TestJournal()
            let before = try await test.accept()
            try await test.takeUp()
            let moved = try SQLiteSpool(directory: "\(test.folder)/moved", threads: .singleton)
            if isKnown { try await moved.acknowledge(.start, as: JournalFiller.reader(of: moved), on: test.loop).get() }
            await test.restart(on: moved)
            let after = try await test.accept(after: 1000)
            try await test.takeUp()
            let rows = try await test.find(newestFirst: false).rows
            #expect(rows.map(\.fact.message) == [before, after].map(\.id.description))
            await test.finish()
            await moved.close()
        }
    }

    @Test("what is too old goes, and of too much the oldest")
    func bounds() async throws {
        var settings = JournalSettings()
        settings.age = 1000
        let old = try TestJournal(settings: settings)
        for number in 0..<600 { try await old.accept(after: number < 512 ? -5000 : Int64(number)) }
        await old.restart()
        try await old.takeUp()
        #expect(try await old.settles { $0.entries == 88 })
        #expect(try await old.find(count: 1000).rows.count == 88)

        settings = JournalSettings()
        settings.octets = 300_000
        let large = try TestJournal(settings: settings)
        for number in 0..<4000 { try await large.accept(after: Int64(number)) }
        try await large.takeUp()
        await large.restart()
        try await large.takeUp()
        await large.restart()
        try await large.takeUp()
        #expect(try await large.settles { $0.octets <= settings.octets && $0.entries < 4000 })
        let status = try await large.journal.status(spool: large.spool)
        #expect(status.entries > 0)
        let rows = try await large.find(count: 5000).rows
        #expect(rows.map(\.ref.number) == (0..<status.entries).map { Int64(4000 - $0) })
    }

    @Test("while it cannot be written it says so, and has everything later")
    func failures() async throws {
        let test = try TestJournal()
        try await test.accept()
        try await test.takeUp()
        let path = test.folder + "/journal/journal.sqlite"
        try FileManager.default.moveItem(atPath: path, toPath: path + ".away")
        try await test.accept()
        await #expect(throws: Never.self) {
            while test.journal.failure == nil { test.tell(); try await Task.sleep(for: .milliseconds(5)) }
        }
        #expect(test.journal.failure?.contains("journal.sqlite is gone: put it back") == true)
        try FileManager.default.moveItem(atPath: path + ".away", toPath: path)
        try await test.takeUp()
        #expect(try await test.find().rows.map(\.ref.number) == [2, 1])
    }

    @Test("a folder that cannot be is told of in words")
    func noFolder() async throws {
        var settings = JournalSettings()
        settings.directory = "/proc/hoptop/journal"
        let test = try TestJournal(settings: settings)
        while test.journal.failure == nil { test.tell(); try await Task.sleep(for: .milliseconds(5)) }
        #expect(test.journal.failure?.hasPrefix("/proc/hoptop/journal cannot be made: ") == true)
        await #expect(throws: FeedError.self) { try await test.find() }
        await test.finish()
    }

    @Test("one program at a time fills a journal")
    func lock() async throws {
        let test = try TestJournal()
        try await test.accept()
        try await test.takeUp()
        #expect(throws: JournalError.self) { try FolderLock(test.folder + "/journal") }
        await test.finish()
        _ = try FolderLock(test.folder + "/journal")
    }

    @Test("octets that a disk changed are entries that are missing, and no others are")
    func damage() {
        var grams = GramFilter()
        var entries = PackedEntries()
        for number in 0..<20 {
            entries.append(
                Fact(at: TestJournal.start, kind: .relayed, message: QueueID("4Q7K"), text: "\(number) ok"), &grams)
        }
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<2000 {
            var octets = entries.octets
            octets[Int.random(in: octets.indices, using: &generator)] ^= UInt8.random(in: 1...255, using: &generator)
            let read = PackedEntries(octets)
            read.octets.withUnsafeBytes { octets in
                var place = 0
                while let entry = PackedEntries.Entry(octets, at: place) {
                    _ = entry.fact(octets)
                    place = entry.end
                }
            }
        }
    }

    // MARK: transcripts

    private static func page(_ session: String, failed: Bool = true, text: String = "EHLO c") -> TranscriptPage {
        let row = ConnectionRow(
            ref: SessionRef(node: "mx1", id: session), direction: .inbound, peer: "192.0.2.7:1", phase: .closed,
            started: TestJournal.start, ended: TestJournal.start, lastActivity: TestJournal.start)
        return TranscriptPage(
            session: row,
            lines: (0..<3).map {
                TranscriptLine(number: $0, at: TestJournal.start, speaker: .client, text: "\(text) \($0)")
            }, end: 3, elided: 0)
    }

    @Test("failures are kept, of good sessions one in a second, and each is found by its name, also by a later run")
    func transcripts() async throws {
        let test = try TestJournal()
        for number in 1...3 {
            test.journal.keep(SessionRef(node: "mx1", id: "out#\(number)"), failed: true) { Self.page("out#\(number)") }
            test.journal.keep(SessionRef(node: "mx1", id: "in#\(number)"), failed: false) { Self.page("in#\(number)") }
        }
        try await test.accept()
        try await test.takeUp()
        while try await test.journal.status(spool: test.spool).transcripts < 4 {
            test.tell()
            try await Task.sleep(for: .milliseconds(5))
        }
        let session = SessionRef(node: "mx1", id: "out#2")
        let page = try #require(try await test.journal.transcript(session, from: 1, count: 1))
        #expect(page.lines.map(\.text) == ["EHLO c 1"] && page.session.ref == session)
        #expect(try await test.journal.transcript(SessionRef(node: "mx1", id: "in#2"), from: 0, count: 9) == nil)
        await test.restart(since: TestJournal.start.adding(milliseconds: 1))
        try await test.takeUp()
        #expect(try await test.journal.transcript(session, from: 0, count: 9) == nil)
        let old = SessionRef(node: "mx1", id: "out#2@1")
        #expect(try await test.journal.transcript(old, from: 0, count: 9)?.lines.count == 3)
    }
}
