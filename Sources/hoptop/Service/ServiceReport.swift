import Logging
import Monitor
import Relay
import Service

/// What a relay tells its service manager while it runs: how it goes, and that it lives.
struct ServiceReport: Sendable {
    /// Between two lines about how it goes.
    private static let pause = Duration.seconds(5)

    let manager: ServiceManager
    let relay: Relay
    let log: Logger

    /// Goes on until the relay ends.
    func begin() {
        Task { await self.tellHowItGoes() }
        Task { await self.tellLife() }
    }

    func tell(_ message: ServiceManager.Message) {
        do throws(ServiceError) { try self.manager.tell(message) } catch {
            self.log.warning("the service manager could not be told", metadata: ["error": "\(error)"])
        }
    }

    /// Only when it changed; an idle relay is left asleep.
    private func tellHowItGoes() async {
        let feed = self.relay.feed(user: "service")
        var last = ""
        let changes = feed.changes()
        func look() async {
            guard let overview = try? await feed.overview() else { return }
            let text = Self.text(overview)
            if text != last { self.tell(.status(text)) }
            last = text
        }
        await look()
        for await _ in changes {
            try? await Task.sleep(for: Self.pause)
            await look()
        }
    }

    /// A sign of life only while everything that moves mail does; without it the manager starts the program again.
    private func tellLife() async {
        guard let patience = self.manager.watchdog else { return }
        var wasStill = false
        while !self.relay.isStopping {
            let failures = await self.relay.vitals.failures(within: patience / 4)
            if failures.isEmpty {
                self.tell(.alive)
            } else if !wasStill {
                self.log.error(
                    "no sign of life for the service manager",
                    metadata: ["reason": "\(failures.joined(separator: "; "))"])
            }
            wasStill = !failures.isEmpty
            try? await Task.sleep(for: patience / 4)
        }
    }

    /// `accepting mail; 12 messages queued; 3 sessions in, 1 out`
    static func text(_ overview: Overview) -> String {
        let mood = overview.isAccepting ? "accepting mail" : "refusing new mail for now"
        let count = overview.queuedMessages
        return "\(mood); \(count) message\(count == 1 ? "" : "s") queued; "
            + "\(overview.sessionsIn) session\(overview.sessionsIn == 1 ? "" : "s") in, \(overview.sessionsOut) out"
    }
}
