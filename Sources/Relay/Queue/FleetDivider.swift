import Logging
import NIOConcurrencyHelpers
import NIOCore
import Spool

/// Agrees with the other nodes on how what sites take is divided among them, whatever else this node is at: they wait for that.
final class FleetDivider: Sendable {
    private let fleet: any Fleet
    private let queue: Queue
    private let log: Logger
    private let recurrence = Recurrence(every: .seconds(1))
    private let isFailing = NIOLockedValueBox(false)

    init(_ fleet: any Fleet, queue: Queue, log: Logger) {
        self.fleet = fleet
        self.queue = queue
        self.log = log
    }

    /// Asks once, so that who is alone has its share from the start, and goes on by itself.
    func begin() async {
        await self.turn()
        self.recurrence.start { await self.turn() }
    }
    func wake() { self.recurrence.wake() }
    func stop() async { await self.recurrence.stop() }

    private func turn() async {
        do {
            try await self.divide()
            self.isFailing.withLockedValue { $0 = false }
        } catch {
            // It is tried again in a second.
            let isFirst = self.isFailing.withLockedValue { isFailing in
                defer { isFailing = true }
                return !isFailing
            }
            if isFirst {
                self.log.error("nodes do not divide what sites take anew", metadata: ["error": "\(error)"])
            }
        }
    }

    /// Divides by the number of nodes, as it is now: where they are more, at once, and the others are told when this one does;
    /// where they are fewer, or this one comes up, when the others let it.
    private func divide() async throws {
        guard let lease = self.fleet.lease else { return }
        let sharing = try await self.fleet.sharing()
        var (division, crowded) = (sharing.division, sharing.crowded)
        for wanted in Self.wishes(sharing) {
            if division.shares > 0 { await self.apply(wanted.including(division), crowded, under: lease) }
            let told = await self.withCrowded(wanted)
            guard told != division else { break }
            if let others = try await self.fleet.divide(told, under: lease) {
                (division, crowded) = (told, others)
                break
            }
        }
        await self.apply(division, crowded, under: lease)
    }

    /// What is wanted, and behind it what is told where the others do not let that be: to divide by more is always allowed, and
    /// may be what they wait for.
    static func wishes(_ sharing: FleetSharing) -> [FleetDivision] {
        let division = sharing.division
        let wanted = FleetDivision(shares: max(1, sharing.live), known: sharing.known)
        guard division.shares > 0 else { return sharing.isDraining ? [] : [wanted] }
        let more = wanted.including(division)
        return more == wanted ? [wanted] : [wanted, more]
    }

    /// - Returns: with the sites that this node would crowd.
    private func withCrowded(_ division: FleetDivision) async -> FleetDivision {
        let crowded = await self.queue.onLoop {
            self.queue.tell { scheduler, _ in scheduler.crowdedSites(among: division.shares, of: division.known) }
        }
        return FleetDivision(shares: division.shares, known: division.known, crowded: crowded)
    }

    private func apply(_ division: FleetDivision, _ crowded: Set<String>, under lease: Int64) async {
        await self.queue.onLoop {
            // Under another lease it has no share yet.
            guard self.fleet.lease == lease else { return }
            self.queue.tell { scheduler, now in
                scheduler.divided(by: division.shares, of: division.known, crowded: crowded, under: lease, at: now)
            }
        }
    }
}

extension FleetDivision {
    /// By as many as either.
    fileprivate func including(_ other: FleetDivision) -> FleetDivision {
        FleetDivision(shares: max(self.shares, other.shares), known: max(self.known, other.known))
    }
}
