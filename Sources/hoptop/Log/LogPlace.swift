import Logging
import NIOCore
import NIOPosix
import Spool

/// How far the log has come in the spool's facts, as the spool knows it, so that a run goes on where the last one ended, however
/// it ended. What was written since it was told last comes twice then.
actor LogPlace {
    /// Facts that no line tells of when the log begins. If they are more, it has long been off, and telling them all would drown
    /// what happens now.
    private static let backlog = 50_000

    /// The place behind what is not to be told: what the last run told, or all that there is where there was none.
    nonisolated let start: FactCursor
    private let spool: any Spool
    private let writer: LogWriter
    /// Between two times that the spool is told.
    private let pause: TimeAmount
    private var told: FactCursor?
    /// All in front of it was handed to the writer, and nothing behind it.
    private var reached: FactCursor
    private var next = NIODeadline.now()
    private var timer: Task<Void, Never>?
    private var isOver = false

    /// - Parameters:
    ///   - spool: in which nothing happens yet.
    ///   - writer: writes the lines.
    ///   - log: is told what is left out.
    init(_ spool: any Spool, _ writer: LogWriter, _ log: Logger, pause: TimeAmount = .seconds(5)) async throws {
        self.spool = spool
        self.writer = writer
        self.pause = pause
        let reader = Self.reader(of: spool)
        let told: FactCursor?
        do { told = try await spool.acknowledged(by: reader) } catch {
            // It may have mail all the same. What this run leaves out the next one can tell, since the place stays as it is.
            log.warning(
                "where the log ended is not known: it begins with what happens now", metadata: ["error": "\(error)"])
            self.isOver = true
            self.start = try await spool.newestFacts(count: 0).end
            self.reached = self.start
            return
        }
        if let told {
            let behind = await Self.factsBehind(reader, in: spool, log)
            guard behind > Self.backlog else {
                self.told = told
                self.start = told
                self.reached = told
                return
            }
            log.warning(
                "too much happened since the log was written last, and is left out", metadata: ["facts": "\(behind)"])
        }
        self.start = try await spool.newestFacts(count: 0).end
        self.reached = self.start
        try? await self.tell(self.start)
    }

    /// Where they cannot be counted they are told: better a flood than none.
    private static func factsBehind(_ reader: String, in spool: any Spool, _ log: Logger) async -> Int {
        do { return try await spool.condition.factsBehind()[reader] ?? 0 } catch {
            log.warning("how much the log has to tell is not known", metadata: ["error": "\(error)"])
            return 0
        }
    }

    /// Each node has a log of its own.
    private static func reader(of spool: any Spool) -> String { FactReader.log.name(of: spool) }

    /// No log is written: when one is again it begins with what happens then.
    static func forget(_ spool: any Spool) {
        _ = spool.forget(reader: self.reader(of: spool), on: MultiThreadedEventLoopGroup.singleton.next())
    }

    /// All in front of the place was handed to the writer, and nothing behind it.
    func reached(_ place: FactCursor) async {
        self.reached = place
        await self.tellIfDue()
        guard self.isUntold, self.timer == nil else { return }
        // Nothing may happen any more that would remind of it.
        self.timer = Task { [weak self, pause] in
            repeat {
                try? await Task.sleep(nanoseconds: UInt64(pause.nanoseconds))
                await self?.tellIfDue()
            } while await self?.goesOn() ?? false
        }
    }

    private var isUntold: Bool { self.reached != self.told && !self.isOver }

    private func goesOn() -> Bool {
        if !self.isUntold { self.timer = nil }
        return self.isUntold
    }

    private func tellIfDue() async {
        guard self.isUntold, .now() >= self.next, self.writer.hasWrittenAll else { return }
        await self.tellIfPossible()
    }

    /// The log ends there.
    func end(at place: FactCursor) async {
        self.reached = place
        guard !self.isOver else { return }
        self.isOver = true
        self.timer?.cancel()
        await self.timer?.value
        self.writer.flush(within: 2)
        guard place != self.told, self.writer.hasWrittenAll else { return }
        await self.tellIfPossible()
    }

    /// A spool that fails is told later, and whoever looks after it knows from others.
    private func tellIfPossible() async {
        self.next = .now() + self.pause
        try? await self.tell(self.reached)
    }

    private func tell(_ place: FactCursor) async throws {
        try await self.spool.acknowledge(
            place, as: Self.reader(of: self.spool), on: MultiThreadedEventLoopGroup.singleton.next()
        ).get()
        self.told = place
    }
}
