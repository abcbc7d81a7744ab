import Foundation
import Journal
import Logging
import Mail
import Monitor
import NIOCore
import SeededRandom
import Spool
import SpoolTesting

/// Fills a journal with entries as a busy relay has them, and tells how long it takes to fill it and to find what is there.
///
///     swift run -c release JournalBenchmark FOLDER 10000000
@main
struct JournalBenchmark {
    private static let now = Timestamp.now
    /// Of the relay whose journal it is.
    private static let messagesPerSecond = 5.0

    static func main() async throws {
        let arguments = CommandLine.arguments.dropFirst()
        guard arguments.count == 2, let folder = arguments.first, let count = arguments.last.flatMap({ Int($0) }) else {
            fatalError("JournalBenchmark FOLDER ENTRIES")
        }
        try FileManager.default.createDirectory(atPath: folder + "/journal", withIntermediateDirectories: true)
        try self.fill(folder + "/journal", count)
        try await self.search(folder)
    }

    // MARK: filling

    private static func fill(_ directory: String, _ count: Int) throws {
        let store = try JournalStore(directory: directory)
        defer { store.close() }
        var generator = Generator(count: count, end: self.now)
        var (block, written) = (Block(first: 1), 0)
        let start = ContinuousClock.now
        let cpu = self.cpu
        while written < count {
            // A batch of the filler.
            var blocks: [Block] = []
            for fact in generator.next(2000) {
                if block.isFull {
                    blocks.append(block)
                    block = Block(first: block.next)
                }
                block.append(fact)
                written += 1
            }
            try store.write(blocks + [block], cursor: "\(written)")
        }
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        let files = try FileManager.default.contentsOfDirectory(atPath: directory)
        let octets = try files.reduce(0) { sum, name in
            let size = try FileManager.default.attributesOfItem(atPath: directory + "/" + name)[.size] as? Int
            return sum + (size ?? 0)
        }
        print(
            "filled: \(written) entries in \(Format.decimal(seconds)) s, "
                + "\(Int(Double(written) / seconds)) a second, "
                + "\(Format.decimal((self.cpu - cpu) * 1e6 / Double(written))) µs of CPU each (generating included)")
        print("size: \(octets) octets, \(octets / written) each")
    }

    private static var cpu: Double { Double(clock()) / Double(CLOCKS_PER_SEC) }

    // MARK: searching

    private static func search(_ folder: String) async throws {
        var settings = JournalSettings()
        (settings.octets, settings.age) = (1 << 50, 1 << 50)
        let journal = Journal(
            settings, spoolDirectory: folder, node: "mx1",
            log: Logger(label: "benchmark") { _ in SwiftLogNoOpLogHandler() })
        let (changes, watcher) = FeedChange.stream()
        journal.follow(try MemorySpool(), since: self.now, changes: changes) {}
        while (try? await journal.window(JournalQuery(), JournalRequest(count: 0))) == nil {
            try await Task.sleep(for: .milliseconds(5))
        }
        let day = Timestamp(milliseconds: self.now.milliseconds / 86_400_000 * 86_400_000 - 86_400_000).rfc3339.prefix(
            10)
        let searches: [(String, String, Bool)] = [
            ("the newest 100", "", true), ("the oldest 100", "", false),
            ("to bob yesterday at two", "to=bob@example.org at:\(day)@14h", true),
            ("to bob, a plain word, the newest 100", "bob@", true),
            ("one recipient of a million", "to=u123457@d57.example", true),
            ("a queue ID from the middle", "id=\(Generator.sampleID(of: self.now))", true),
            ("a Message-ID", "msgid:4000000.7@", true), ("what nobody has", "nobody-has-this", true),
            ("bounced at a host, with a code", "state:bounced dest:mx57. code:5.1.1", true),
            ("a pattern with words", "reply:/no such .*thing/", true),
            ("a pattern that nothing passes over", "reply:/n[o0].s[uv]ch/", true),
        ]
        for round in ["cold or not", "again"] {
            print("\n\(round):")
            for (name, text, newestFirst) in searches {
                let query = JournalQuery(filter: try FilterExpression(parsing: text), newestFirst: newestFirst)
                let start = ContinuousClock.now
                var (rows, windows, place) = (0, 0, String?.none)
                while true {
                    let window = try await journal.window(query, JournalRequest(behind: place, count: 100 - rows))
                    rows += window.rows.count
                    windows += 1
                    place = window.end
                    if window.isComplete || rows >= 100 { break }
                }
                let milliseconds = Int((ContinuousClock.now - start) / .milliseconds(1))
                print("  \(milliseconds) ms  \(rows) rows in \(windows) windows: \(name)")
            }
        }
        watcher.finish()
        await journal.finish()
    }
}

/// Messages, each with what became of it; times end now.
private struct Generator {
    private var generator = SeededGenerator(seed: 17)
    private var message = 0
    private let start: Double
    private let step: Double
    private var waiting: [Fact] = []

    init(count: Int, end: Timestamp) {
        // Two or three entries a message.
        self.step = 1000 / 5.0
        self.start = Double(end.milliseconds) - Double(count) / 2.3 * self.step
    }

    static func sampleID(of now: Timestamp) -> QueueID { self.id(now.adding(milliseconds: -86_400_000 * 3), 3) }
    private static func id(_ time: Timestamp, _ sequence: Int) -> QueueID {
        QueueID(
            seconds: time.milliseconds / 1000 - 1_767_225_600, node: 0, sequence: UInt16(truncatingIfNeeded: sequence))
    }

    mutating func next(_ count: Int) -> [Fact] {
        while self.waiting.count < count { self.add() }
        defer { self.waiting.removeFirst(count) }
        return Array(self.waiting.prefix(count))
    }

    private mutating func add() {
        let number = self.message
        self.message += 1
        let at = Timestamp(milliseconds: Int64(self.start + Double(number) * self.step))
        let id = Self.id(at, number % 5)
        let domain = Int.random(in: 0..<1000, using: &self.generator)
        let user = Int.random(in: 0..<1_000_000, using: &self.generator)
        let from = "<app\(user % 40)@sender\(user % 7).example>"
        let to = number % 1000 == 0 ? "<bob@example.org>" : "<u\(user)@d\(domain).example>"
        let session = "in#\(number / 3)"
        var accepted = Fact(
            at: at, kind: .accepted, message: id, from: from, session: session, contentOctets: 4096 + user % 9000,
            arrival: Arrival(
                peer: "192.0.2.\(user % 250):\(1024 + user % 60_000)", hello: "app\(user % 40).sender.example",
                with: "ESMTPS", session: session, tls: "TLSv1.3"),
            subject: ByteBuffer(string: " Your order \(user) has been sent"))
        accepted.messageID = "<\(number).7@sender\(user % 7).example>"
        self.waiting.append(accepted)
        var kinds: [Fact.Kind] = user % 100 < 2 ? [.bounced] : [.relayed]
        if user % 10 < 3 { kinds.insert(.deferred, at: 0) }
        for (place, kind) in kinds.enumerated() {
            let text =
                switch kind {
                case .relayed: "250 2.0.0 Ok: queued as \(String(user &* 7919 &+ number, radix: 36, uppercase: true))"
                case .deferred: "452 4.2.2 <u\(user)@d\(domain).example>: mailbox over quota, try again later"
                default: "550 5.1.1 <u\(user)@d\(domain).example>: user unknown"
                }
            self.waiting.append(
                Fact(
                    at: at.adding(milliseconds: Int64(30 + 300_000 * place)), kind: kind, message: id, recipient: 0,
                    from: from, to: to, nextHop: "mx\(domain).example:25",
                    remoteID: kind == .relayed ? String(text.dropFirst(23)) : nil, text: text,
                    session: "out#\(number / 10)", security: SessionSecurity(tls: "TLSv1.3", isVerified: true),
                    milliseconds: Int64(20 + user % 400)))
        }
    }
}
