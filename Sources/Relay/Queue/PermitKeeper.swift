import Logging
import NIOConcurrencyHelpers
import NIOCore
import Spool

/// Carries between the scheduler and the store what nodes agree on about sites to which they may have fewer connections than
/// there are nodes: permits that are asked for, had, waited for and given back.
///
/// Nothing is asked as long as there is no such site; else once a second, and when mail begins to wait, a session ends that
/// others wait for, or another node did something.
final class PermitKeeper: Sendable {
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

    func start() {
        let recurrence = self.recurrence
        self.queue.loop.execute { self.queue.asksForPermits = { recurrence.wake() } }
        recurrence.start { await self.ask() }
    }

    func wake() { self.recurrence.wake() }

    func stop() async { await self.recurrence.stop() }

    private func ask() async {
        guard let lease = self.fleet.lease else {
            // What it had others may have by now, and the sessions that it was for end.
            return await self.queue.onLoop { self.queue.tell { scheduler, _ in scheduler.permits(areUnder: nil) } }
        }
        let requests = await self.queue.onLoop {
            self.queue.tell { scheduler, now in
                scheduler.permits(areUnder: lease)
                return scheduler.permitRequests(at: now)
            }
        }
        guard !requests.isEmpty else { return }
        let grants: [PermitGrant]
        do { grants = try await self.fleet.permits(requests, under: lease) } catch {
            // It is asked again in a second.
            let isFirst = self.isFailing.withLockedValue { isFailing in
                defer { isFailing = true }
                return !isFailing
            }
            if isFirst {
                self.log.error(
                    "no connection is had of those that nodes share", metadata: ["error": "\(error)"])
            }
            return
        }
        self.isFailing.withLockedValue { $0 = false }
        await self.queue.onLoop {
            // Those of a lease that is over are worth nothing.
            guard self.fleet.lease == lease else { return }
            self.queue.tell { scheduler, now in scheduler.permitsGranted(grants, for: requests, at: now) }
        }
    }
}
