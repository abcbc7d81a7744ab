import Mail
import Monitor

/// What moved over one link: how often, how much, how long it took.
struct LinkMeter {
    /// Of the last so many transactions.
    private static let durationsKept = 16

    private var messages = 0
    private var lastMinute: Flow.Ring
    private var octets: Flow.Ring
    private var recent: Flow.Ring
    /// Milliseconds; the oldest is replaced by the next one.
    private var durations: [UInt32] = []
    private(set) var lastMoved: Timestamp
    /// The host that was tried last.
    private(set) var host: SocketEndpoint?

    init(at now: Timestamp) {
        self.lastMinute = Flow.Ring(at: now)
        self.octets = Flow.Ring(at: now)
        self.recent = Flow.Ring(steps: LinkTraffic.steps, of: LinkTraffic.step, at: now)
        self.lastMoved = now
    }

    mutating func moved(to host: SocketEndpoint? = nil, octets: Int, in milliseconds: Int64, at now: Timestamp) {
        if let host { self.host = host }
        let duration = UInt32(clamping: milliseconds)
        if self.durations.count < Self.durationsKept {
            self.durations.append(duration)
        } else {
            self.durations[self.messages % Self.durationsKept] = duration
        }
        self.messages += 1
        self.lastMinute.add(1, at: now)
        self.octets.add(octets, at: now)
        self.recent.add(1, at: now)
        self.lastMoved = now
    }

    mutating func traffic(at now: Timestamp) -> LinkTraffic {
        let recent = self.recent.values(at: now)
        let sorted = self.durations.sorted()
        return LinkTraffic(
            messages: self.messages, lastMinute: self.lastMinute.values(at: now).reduce(0, +),
            octets: self.octets.values(at: now).reduce(0, +),
            median: sorted.isEmpty ? nil : Int(sorted[(sorted.count - 1) / 2]),
            recent: recent.contains { $0 > 0 } ? recent : [])
    }
}

/// The links of one kind, by the name of the other side. How many are remembered is limited, since clients name themselves
/// as they like: where there is no room those that move go before those that do not, and the rest is counted together.
struct LinkMeters {
    private static let limit = 256
    /// So long, in milliseconds, a link is told of on which nothing moves any more.
    private static let memory: Int64 = 3_600_000
    /// One that was silent for so long leaves its place to another one.
    private static let patience: Int64 = 60_000

    private var meters: [String: LinkMeter] = [:]
    /// Of those that found no place.
    private var rest: LinkMeter
    /// When it is looked again for some that moved nothing lately.
    private var nextLook = Timestamp(milliseconds: 0)

    init(at now: Timestamp) { self.rest = LinkMeter(at: now) }

    mutating func moved(
        _ name: String, host: SocketEndpoint? = nil, octets: Int, in milliseconds: Int64, at now: Timestamp
    ) {
        if let place = self.meters.index(forKey: name) {
            self.meters.values[place].moved(to: host, octets: octets, in: milliseconds, at: now)
        } else if self.makeRoom(at: now) {
            var meter = LinkMeter(at: now)
            meter.moved(to: host, octets: octets, in: milliseconds, at: now)
            self.meters[name] = meter
        } else {
            self.rest.moved(octets: octets, in: milliseconds, at: now)
        }
    }

    private mutating func makeRoom(at now: Timestamp) -> Bool {
        guard self.meters.count >= Self.limit else { return true }
        guard now >= self.nextLook else { return false }
        self.nextLook = now.adding(milliseconds: 1000)
        self.meters = self.meters.filter { now.since($0.value.lastMoved) < Self.patience }
        return self.meters.count < Self.limit
    }

    /// What moved lately, by name, and how many messages of the last minute are nobody's here.
    mutating func traffic(at now: Timestamp) -> (known: [String: (traffic: LinkTraffic, host: String?)], rest: Int) {
        var known: [String: (LinkTraffic, String?)] = [:]
        for name in self.meters.keys {
            guard let meter = self.meters[name], now.since(meter.lastMoved) < Self.memory,
                let traffic = self.meters[name]?.traffic(at: now)
            else { continue }
            known[name] = (traffic, meter.host?.description)
        }
        return (known, self.rest.traffic(at: now).lastMinute)
    }
}
