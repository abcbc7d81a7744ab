import Logging
import NIOCore
import NIOPosix
import Spool

/// How far the log has come in the spool's facts, as the spool knows it, so that a run goes on where the last one ended, however
/// it ended. What was written since it was told last comes twice then.
struct LogPlace {
    /// Facts that no line tells of when the log begins. If they are more, it has long been off, and telling them all would drown
    /// what happens now.
    private static let backlog = 50_000
    /// Between two times that the spool is told.
    private static let pause = TimeAmount.seconds(5)

    /// The place behind what is not to be told: what the last run told, or all that there is where there was none.
    let start: FactCursor
    private let spool: any Spool
    private let writer: LogWriter
    private var told: FactCursor?
    private var next = NIODeadline.now()

    /// - Parameters:
    ///   - spool: in which nothing happens yet.
    ///   - writer: writes the lines.
    ///   - log: is told what is left out.
    init(_ spool: any Spool, _ writer: LogWriter, _ log: Logger) async throws {
        self.spool = spool
        self.writer = writer
        let reader = Self.reader(of: spool)
        // A spool of which this cannot be read, or written, may have mail all the same.
        self.told = try? await spool.acknowledged(by: reader)
        if let told {
            let behind = (try? await spool.condition.factsBehind())?[reader] ?? 0
            guard behind > Self.backlog else {
                self.start = told
                return
            }
            log.warning(
                "too much happened since the log was written last, and is left out", metadata: ["facts": "\(behind)"])
        }
        self.start = try await spool.newestFacts(count: 0).end
        try? await self.tell(self.start)
    }

    /// Each node has a log of its own.
    private static func reader(of spool: any Spool) -> String {
        guard let node = spool.fleet?.node, node != 0 else { return "log" }
        return "log of node \(node)"
    }

    /// No log is written: when one is again it begins with what happens then.
    static func forget(_ spool: any Spool) {
        _ = spool.forget(reader: self.reader(of: spool), on: MultiThreadedEventLoopGroup.singleton.next())
    }

    /// All in front of the place was handed to the writer, and nothing behind it.
    mutating func reached(_ place: FactCursor) async {
        guard place != self.told, .now() >= self.next, self.writer.hasWrittenAll else { return }
        await self.tellIfPossible(place)
    }

    /// The log ends there.
    mutating func end(at place: FactCursor) async {
        self.writer.flush(within: 2)
        guard place != self.told, self.writer.hasWrittenAll else { return }
        await self.tellIfPossible(place)
    }

    /// A spool that fails is told later, and whoever looks after it knows from others.
    private mutating func tellIfPossible(_ place: FactCursor) async {
        self.next = .now() + Self.pause
        try? await self.tell(place)
    }

    private mutating func tell(_ place: FactCursor) async throws {
        try await self.spool.acknowledge(
            place, as: Self.reader(of: self.spool), on: MultiThreadedEventLoopGroup.singleton.next()
        ).get()
        self.told = place
    }
}
