import Mail
import Monitor
import SMTP
import SeededRandom
import Spool
import Testing

@testable import Relay

/// A relay in a bad week, in no time: mail for hostile next hops, DNS that fails and changes, operators, reloads, a clock
/// that jumps, a spool that fails, and kills after which the scheduler begins anew with what the spool holds. After each step it is looked at whether
/// all is as it has to be.
final class Simulation {
    /// What happens later. Whatever an earlier scheduler began is lost with it.
    private enum Happening {
        case arrival
        case chaos
        case result(attempt: Int)
        case idleTooLong(session: Int, since: Int64)
        case write(settlement: Int)
        case order(Int)
        case read(QueueID)
        case resolve(Scheduler.Question, Domain)
        case close(session: Int)
    }
    private struct Event {
        var at: Int64
        /// The life of the scheduler that it belongs to; `nil`: to all.
        var life: Int?
        var what: Happening
    }
    private enum Mood: CaseIterable { case good, greylisting, dead, breaking, refusing, dropping }
    private struct Recipient: Hashable {
        var message: QueueID
        var index: Int
    }
    private enum Exchangers: CaseIterable { case known, moved, failing, none }
    private struct Session {
        var host: String
        /// It leads to the first of these, where a route names hosts.
        var hosts: [SocketEndpoint] = []
        var attempt: Int?
        var isEnding = false
        var idleSince: Int64 = 0
    }

    private let messages: Int
    private var random: SeededGenerator
    private var configuration: RelayConfiguration
    private var scheduler: Scheduler
    private var spool = ModelSpool()
    private var life = 0
    /// Milliseconds that really passed, and what the clock on the wall is ahead of them.
    private var steady: Int64 = 0
    private var ahead: Int64 = 1_800_000_000_000
    private var wake: Int64?
    /// In order, the next one last.
    private var events: [Event] = []
    private var moods: [String: Mood] = [:]
    private var exchangers: [String: Exchangers] = [:]
    /// When transactions began at hosts that take only so many.
    private var paced: [String: [Int64]] = [:]
    private var isCalm = false
    private var shift = 0

    private var ids: [QueueID] = []
    private var recipients = 0
    private var sessions: [Int: Session] = [:]
    private var attempts: [Int: (session: Int, recipients: [Recipient], begun: Int64)] = [:]
    private var settlements: [Int: (message: QueueID, outcomes: [Settlement.Outcome], hasFailed: Bool)] = [:]
    private var orders: [Int: (action: Order.Action, targets: [RecipientTarget])] = [:]
    private var destinationOrders = DestinationOrders()
    private var tried: Set<Recipient> = []
    private var ordered: Set<Recipient> = []
    private var greeted: Set<Recipient> = []
    private var steps = 0
    private(set) var begun = 0
    private(set) var kills = 0
    private var faults: [String] = []

    init(messages: Int, seed: UInt64) {
        self.messages = messages
        self.random = SeededGenerator(seed: seed)
        self.configuration = RelayConfiguration(hostname: "mx.example.net", listen: [], spoolDirectory: "/nowhere")
        self.configuration.delivery.connections = 4
        self.configuration.delivery.recipientsPerTransaction = 3
        self.scheduler = Scheduler(self.configuration, at: Timestamp(milliseconds: self.ahead))
        self.route()
    }

    private static let domains = 40

    /// - Returns: what went wrong, at most a few.
    func run() -> [String] {
        self.schedule(.arrival, in: 0, forAll: true)
        self.schedule(.chaos, in: 1000, forAll: true)
        while self.ids.count < self.messages, self.faults.isEmpty { self.step() }
        self.calmDown()
        let end = self.steady + 8 * 86_400_000
        while !self.spool.messages.isEmpty, self.steady < end, self.faults.isEmpty { self.step() }
        self.look()
        self.expect(self.spool.messages.isEmpty, "\(self.spool.messages.count) messages starve")
        let settled = self.spool.settled.values.reduce(0, +)
        self.expect(settled == self.recipients, "\(settled) of \(self.recipients) recipients are settled")
        return self.faults
    }

    private var now: Timestamp { Timestamp(milliseconds: self.steady + self.ahead) }

    private func expect(_ holds: Bool, _ fault: @autoclosure () -> String) {
        if !holds, self.faults.count < 5 { self.faults.append("step \(self.steps): \(fault())") }
    }

    private func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self.random) < percent }

    private func schedule(_ what: Happening, in milliseconds: Int64, forAll: Bool = false) {
        let event = Event(at: self.steady + milliseconds, life: forAll ? nil : self.life, what: what)
        var (low, high) = (0, self.events.count)
        while low < high {
            let middle = (low + high) / 2
            if self.events[middle].at > event.at { low = middle + 1 } else { high = middle }
        }
        self.events.insert(event, at: low)
    }

    // MARK: a step

    private func step() {
        self.steps += 1
        let next = self.events.last?.at
        if let wake = self.wake, next.map({ wake <= $0 }) ?? true {
            self.steady = max(self.steady, wake)
            self.wake = nil
            self.scheduler.timePassed(at: self.now)
        } else if let event = self.events.popLast() {
            self.steady = event.at
            if let life = event.life, life != self.life { return }
            self.happen(event.what)
        } else {
            self.faults.append("nothing happens any more")
        }
        self.drain()
        if self.steps % 499 == 0 { self.look() }
    }

    private func happen(_ what: Happening) {
        switch what {
        case .arrival: self.arrive()
        case .chaos: if !self.isCalm { self.chaos() }
        case .result(let attempt): self.answer(attempt)
        case .idleTooLong(let session, let since):
            guard let known = self.sessions[session], known.attempt == nil, known.idleSince == since else { return }
            self.sessions[session] = nil
            self.scheduler.sessionEnded(session, at: self.now)
        case .write(let settlement): self.write(settlement)
        case .order(let number):
            guard let order = self.orders.removeValue(forKey: number) else { return }
            for target in order.targets {
                self.ordered.remove(Recipient(message: target.message, index: target.index))
            }
            let applied =
                self.isCalm || self.chance(95) ? self.spool.apply(order.action, order.targets, at: self.now) : Applied()
            let retry = order.action == .retry ? number : nil
            self.scheduler.orderEnded(number, applied.changes, retry: retry, at: self.now)
        case .read(let id): self.scheduler.messageRead(id, self.spool.messages[id], at: self.now)
        case .resolve(let question, let domain):
            self.scheduler.resolved(question, self.resolution(of: domain), at: self.now, using: &self.random)
        case .close(let session):
            guard self.sessions.removeValue(forKey: session) != nil else { return }
            self.scheduler.sessionEnded(session, at: self.now)
        }
    }

    private func arrive() {
        guard self.ids.count < self.messages else { return }
        let id = QueueID(rawValue: Int64(self.ids.count + 1))
        var message = SpooledMessage(
            id: id, arrived: self.now, reversePath: self.chance(20) ? .null : Self.sender,
            arrival: Arrival(with: "ESMTP"), contentOctets: 100, recipients: [])
        if self.chance(10) {
            message.parameters = [Parameter("MT-PRIORITY", "\(Int.random(in: -4...4, using: &self.random))")]
        } else if self.chance(5) {
            message.parameters = [Parameter("BY", self.chance(50) ? "3600;R" : "3600;N")]
        }
        for index in 0..<Int.random(in: 1...5, using: &self.random) {
            let domain = Domain("d\(Int.random(in: 0..<Self.domains, using: &self.random)).example")
            let path = ForwardPath.path(Path(mailbox: Mailbox(localPart: "u\(index)", domain: domain)))
            message.recipients.append(SpooledRecipient(index: index, forwardPath: path, due: self.now))
        }
        self.ids.append(id)
        self.recipients += message.recipients.count
        self.spool.accept(message)
        self.scheduler.accepted(message, at: self.now)
        self.schedule(.arrival, in: Int64.random(in: 0...4000, using: &self.random), forAll: true)
    }

    private static let sender = ReversePath.path(
        Path(mailbox: Mailbox(localPart: "ann", domain: Domain("example.net"))))

    // MARK: DNS

    /// Some domains share their host, and each has another one after a while.
    private func host(of domain: Domain) -> String {
        let number = Int(domain.text.filter(\.isNumber)) ?? 0
        let isMoved = !self.isCalm && self.exchangers[domain.text] == .moved
        return "m\((number / 4 + (isMoved ? 1 : 0)) % Self.domains).example"
    }

    private func resolution(of domain: Domain) -> Resolution {
        switch self.isCalm ? .known : self.exchangers[domain.text] ?? .known {
        case .known, .moved:
            let host = MailHost(endpoint: SocketEndpoint(host: self.host(of: domain), port: 25), preference: 10)
            return .hosts([host], site: Site([host]))
        case .failing: return .unavailable("SERVFAIL")
        case .none: return .refused(Reply(556, nil, "no mail"))
        }
    }

    // MARK: next hops

    private func answer(_ number: Int) {
        guard let attempt = self.attempts.removeValue(forKey: number), let session = self.sessions[attempt.session]
        else { return }
        let (verdict, isOver) =
            session.host.isEmpty
            ? (.suspended, true)
            : self.verdict(attempt.recipients, self.mood(of: session.host), isByMX: session.host.hasPrefix("m"))
        var result = JobResult(
            job: number, verdict: verdict, host: nil, session: nil, milliseconds: self.steady - attempt.begun)
        switch verdict {
        case .outcomes, .unreadable, .damaged, .away:
            result.host = session.hosts.first
            result.tried = Array(session.hosts.prefix(1))
            result.untried = Array(session.hosts.dropFirst())
        case .untried, .changed, .unreachable, .unresolved, .suspended: break
        }
        self.scheduler.attemptEnded(result, at: self.now, using: &self.random)
        // Nothing of it is written down: it was none.
        if self.scheduler.claims[number] == nil { self.tried.subtract(attempt.recipients) }
        if isOver {
            self.sessions[attempt.session] = nil
            self.drain()
            self.scheduler.sessionEnded(attempt.session, at: self.now)
        } else {
            self.sessions[attempt.session] = Session(
                host: session.host, hosts: session.hosts, idleSince: self.steady)
            self.schedule(.idleTooLong(session: attempt.session, since: self.steady), in: 2000)
            self.scheduler.sessionIdle(attempt.session, at: self.now)
        }
    }

    private func mood(of host: String) -> Mood {
        host.isEmpty ? .dead : self.isCalm ? .good : self.moods[host] ?? .good
    }

    private func verdict(
        _ recipients: [Recipient], _ mood: Mood, isByMX: Bool
    ) -> (JobResult.Verdict, isOver: Bool) {
        if self.chance(2) { return (.untried, true) }
        if !self.isCalm, self.chance(1) { return (.unreadable("the disk was busy"), false) }
        if !self.isCalm, isByMX, self.chance(1) { return (.unresolved("SERVFAIL"), true) }
        switch mood {
        case .dead: return (.unreachable("timed out"), true)
        case .breaking: return (.outcomes(recipients.map { _ in .deferred(.connectionLost(.content)) }), true)
        case .dropping:
            return (.outcomes(recipients.map { _ in .deferred(.reply(Reply(421, nil, "closing"))) }), true)
        case .good, .greylisting, .refusing:
            let outcomes = recipients.map { recipient -> ClientSession.Outcome in
                if mood == .greylisting, self.greeted.insert(recipient).inserted {
                    return .deferred(.reply(Reply(450, nil, "greylisted")))
                }
                if mood == .refusing, self.chance(30) { return .bounced(Reply(550, nil, "no such user")) }
                return .relayed(Reply(250, nil, "Ok"))
            }
            return (.outcomes(outcomes), false)
        }
    }

    // MARK: the spool

    private func write(_ number: Int) {
        guard let settlement = self.settlements[number] else { return }
        if !self.isCalm, self.chance(3) {
            self.settlements[number]?.hasFailed = true
            self.schedule(.write(settlement: number), in: 1000)
        } else {
            self.settlements[number] = nil
            for outcome in settlement.outcomes {
                self.tried.remove(Recipient(message: settlement.message, index: outcome.index))
            }
            switch self.spool.settle(settlement.outcomes, of: settlement.message, at: self.now) {
            case .done(let generation, let isGone):
                self.scheduler.settlementWritten(
                    number, settlement.outcomes, generation: generation, isGone: isGone, at: self.now)
            case .stale: self.scheduler.settlementStale(number, of: settlement.message, at: self.now)
            }
        }
        self.scheduler.writing(isBlocked: self.settlements.values.contains(where: \.hasFailed), at: self.now)
    }

    // MARK: chaos

    private func chaos() {
        switch Int.random(in: 0..<100, using: &self.random) {
        case ..<40:
            let host = self.anyHost()
            let kind = self.chance(50) ? "h" : self.chance(60) ? "m" : self.chance(50) ? "b" : "c"
            self.moods[kind + host.dropFirst()] = Mood.allCases.randomElement(using: &self.random)
            let domain = "d\(Int.random(in: 0..<Self.domains, using: &self.random)).example"
            self.exchangers[domain] = Exchangers.allCases.randomElement(using: &self.random)
        case ..<75: self.order()
        case ..<85: self.jump()
        case ..<88: self.orderDestination()
        case ..<94:
            self.shift = Int.random(in: 0..<4, using: &self.random)
            self.route()
        default: self.kill()
        }
        self.schedule(.chaos, in: Int64.random(in: 1000...120_000, using: &self.random), forAll: true)
    }

    /// Messages that some hosts take in ten seconds.
    private static let rate = RouteLimits.Rate(messages: 5, milliseconds: 10_000)

    private func anyHost() -> String { "h\(Int.random(in: 0..<Self.domains, using: &self.random)).example" }

    /// A destination is suspended or resumed, or its mail sent another way or back.
    private func orderDestination() {
        var name = "\(self.anyHost()):25"
        if self.chance(50) {
            if self.chance(30) { name = "b\(name.dropFirst())" }
            let isSuspended = self.destinationOrders.suspensions[name] != nil
            self.destinationOrders.suspensions[name] = isSuspended ? nil : Suspension(by: "ops")
        } else {
            let detour = Detour(self.anyHost())
            self.destinationOrders.detours[name] = self.destinationOrders.detours[name] == nil ? detour : nil
        }
        self.scheduler.destinationsOrdered(self.destinationOrders, at: self.now)
    }

    /// Each domain has a host, by name or by MX, some of which are to be spared; and three domains have none as long as
    /// there is chaos.
    private func route() {
        self.configuration.routes = (0..<Self.domains).compactMap { domain in
            guard self.isCalm || (domain + self.shift) % 13 != 0, let pattern = DomainPattern("d\(domain).example")
            else {
                return nil
            }
            let number = (domain / 2 + self.shift) % Self.domains
            // Some have others behind the first one.
            let hosts = number % 4 == 1 ? ["h", "b", "c"] : number % 4 == 2 ? ["h", "b"] : ["h"]
            var route = Route(
                pattern: pattern, via: hosts.map { SocketEndpoint(host: "\($0)\(number).example", port: 25) })
            if domain % 3 == 0 {
                route.via = .exchangers
            } else if number % 5 == 0 {
                route.limits.connections = 2
                route.limits.messagesPerConnection = 3
                route.limits.rate = Self.rate
                route.retry.first = 60_000
            }
            return route
        }
        self.scheduler.routesChanged(self.configuration, at: self.now)
    }

    private func order() {
        let targets = (0..<Int.random(in: 1...30, using: &self.random)).compactMap { _ in
            self.ids.randomElement(using: &self.random).flatMap { self.spool.messages[$0] }
        }.sorted { $0.id < $1.id }.flatMap { message in
            message.recipients.map {
                RecipientTarget(message: message.id, index: $0.index, generation: $0.generation)
            }
        }
        switch Int.random(in: 0..<10, using: &self.random) {
        case 0: _ = self.scheduler.bounceOrdered(on: Self.unique(targets), by: "ops")
        case 1: self.order(.drop(undoUntil: self.now), targets)
        case 2, 3, 4: self.order(.hold, targets)
        case 5, 6: self.order(.release, targets)
        case 7: self.order(.reroute(via: self.chance(70) ? self.anyHost() : nil), targets)
        default: self.order(.retry, targets)
        }
    }

    private static func unique(_ targets: [RecipientTarget]) -> [RecipientTarget] {
        targets.enumerated().filter { $0.offset == 0 || targets[..<$0.offset].last != $0.element }.map(\.element)
            .reduce(into: []) { unique, target in if !unique.contains(target) { unique.append(target) } }
    }

    private func order(_ action: Order.Action, _ targets: [RecipientTarget]) {
        let begun = self.scheduler.orderBegan(on: Self.unique(targets))
        self.orders[begun.number] = (action, begun.targets)
        for target in begun.targets {
            let recipient = Recipient(message: target.message, index: target.index)
            self.expect(!self.tried.contains(recipient), "\(recipient) is ordered about while it is tried")
            self.ordered.insert(recipient)
        }
        self.schedule(.order(begun.number), in: Int64.random(in: 1...500, using: &self.random))
    }

    private func jump() {
        let jump = Int64.random(in: -10 * 3_600_000...10 * 3_600_000, using: &self.random)
        self.ahead += jump
        self.scheduler.clockJumped(by: jump, to: self.now)
    }

    /// Some of what was being written has reached the disk, and nobody was told.
    private func kill() {
        self.kills += 1
        for (_, settlement) in self.settlements.sorted(by: { $0.key < $1.key }) where self.chance(50) {
            _ = self.spool.settle(settlement.outcomes, of: settlement.message, at: self.now)
        }
        self.life += 1
        self.wake = nil
        (self.sessions, self.attempts, self.settlements, self.orders) = ([:], [:], [:], [:])
        (self.tried, self.ordered, self.paced) = ([], [], [:])
        self.scheduler = Scheduler(self.configuration, at: self.now)
        self.scheduler.destinationsOrdered(self.destinationOrders, at: self.now)
        for (_, message) in self.spool.messages.sorted(by: { $0.key < $1.key }) {
            self.scheduler.accepted(message, at: self.now)
        }
    }

    private func calmDown() {
        self.isCalm = true
        self.destinationOrders = DestinationOrders()
        self.scheduler.destinationsOrdered(self.destinationOrders, at: self.now)
        self.route()
        self.drain()
        let held = self.spool.messages.values.sorted { $0.id < $1.id }.flatMap { message in
            message.recipients.map {
                RecipientTarget(message: message.id, index: $0.index, generation: $0.generation)
            }
        }
        while !self.orders.isEmpty, self.faults.isEmpty { self.step() }
        self.order(.release, held)
        // What was being tried or ordered about may have come to be on hold since.
        while !self.orders.isEmpty, self.faults.isEmpty { self.step() }
    }

    // MARK: what is to be done

    private func drain() {
        while let action = self.scheduler.next() {
            switch action {
            case .resolve(let question, .exchangers(let domain)):
                self.schedule(.resolve(question, domain), in: Int64.random(in: 1...3000, using: &self.random))
            case .resolve(_, .hosts): self.expect(false, "hosts that are known are asked for")
            case .begin(let attempt, let id, let session, let isNew): self.begin(attempt, id, session, isNew: isNew)
            case .settle(let number, let id, let outcomes):
                for outcome in outcomes {
                    let recipient = Recipient(message: id, index: outcome.index)
                    self.expect(!self.ordered.contains(recipient), "\(recipient) is settled while it is ordered about")
                }
                self.settlements[number] = (id, outcomes, false)
                self.schedule(.write(settlement: number), in: Int64.random(in: 1...50, using: &self.random))
            case .read(let id): self.schedule(.read(id), in: 20)
            case .forget(let id):
                self.expect(self.spool.messages[id] == nil, "\(id) is forgotten, and there")
            case .quit(let session), .leave(let session):
                self.expect(self.sessions[session]?.attempt == nil, "session \(session) is to end in an attempt")
                self.sessions[session]?.isEnding = true
                self.schedule(.close(session: session), in: 10)
            case .wake(let at): self.wake = at.milliseconds - self.ahead
            case .purge, .askForPermits: break
            }
        }
    }

    private func begin(_ attempt: Int, _ id: QueueID, _ session: Int, isNew: Bool) {
        self.begun += 1
        let rows = self.scheduler.claims[attempt]?.rows ?? []
        self.expect(!rows.isEmpty, "an attempt at nothing")
        for name in rows.compactMap({ self.scheduler.destination(of: $0) })
            .map({ self.scheduler.destinations[$0].nextHop.description })
        {
            self.expect(self.destinationOrders.suspensions[name] == nil, "\(name) is suspended, and mail goes there")
        }
        let recipients = rows.map { row in
            Recipient(message: id, index: Int(self.scheduler.index.rowIndex[Int(row)]))
        }
        for recipient in recipients {
            let state = self.spool.messages[id]?.recipients[recipient.index].state
            self.expect(
                state == .queued || state == .deferred, "\(recipient) is tried and \(state.map { "\($0)" } ?? "gone")")
            self.expect(self.tried.insert(recipient).inserted, "\(recipient) is in two attempts")
            self.expect(!self.ordered.contains(recipient), "\(recipient) is tried while it is ordered about")
        }
        if isNew {
            self.expect(self.sessions[session] == nil, "session \(session) is opened twice")
            let hop = self.scheduler.nextHop(ofSession: session)
            let leftOut = self.scheduler.hostsLeftOut(ofSession: session)
            let hosts = (hop?.hosts ?? []).filter { !leftOut.contains($0) }
            let host = hop?.place.domain == nil ? hosts.first?.host : hop.map(self.host)
            self.sessions[session] = Session(host: host ?? "", hosts: hosts, attempt: attempt)
        } else {
            self.expect(self.sessions[session]?.isEnding == false, "session \(session) is reused and ends")
            self.expect(self.sessions[session]?.attempt == nil, "session \(session) has two attempts")
            self.expect(self.sessions[session] != nil, "session \(session) is reused and gone")
            self.sessions[session]?.attempt = attempt
        }
        if let host = self.sessions[session]?.hosts.first {
            self.expect(
                self.destinationOrders.suspensions["\(host)"] == nil, "\(host) is suspended, and mail goes there")
            for row in rows {
                let passed = self.scheduler.index.passedHosts(row)?.hosts.contains(host) ?? false
                self.expect(!passed, "\(host) has put it off in this round, and is tried again")
            }
        }
        self.attempts[attempt] = (session, recipients, self.steady)
        self.lookAtPace(session)
        self.schedule(.result(attempt: attempt), in: Int64.random(in: 5...3000, using: &self.random))
    }

    private func host(of hop: NextHop) -> String {
        switch hop.place {
        case .hosts(let hosts): hosts.first?.host ?? ""
        case .exchangers(let domain): self.host(of: domain)
        }
    }

    /// Nowhere is more begun than is allowed, but for one that a timer was late for. A list of hosts and its first host alone, where
    /// mail is rerouted to, are two next hops.
    private func lookAtPace(_ session: Int) {
        guard let hop = self.scheduler.nextHop(ofSession: session), hop.limits.rate != nil else { return }
        let host = hop.hosts.isEmpty ? self.host(of: hop) : hop.hosts.map(\.description).joined(separator: ", ")
        let times = (self.paced[host] ?? []).filter { self.steady - $0 < Self.rate.milliseconds } + [self.steady]
        self.paced[host] = times
        self.expect(times.count <= Self.rate.messages + 1, "\(times.count) begin at \(host) in ten seconds")
    }

    // MARK: what has to be

    private func look() {
        let index = self.scheduler.index
        self.expect(
            index.messages == self.spool.messages.count,
            "\(index.messages) messages, and \(self.spool.messages.count) in the spool")
        var counts = QueueIndex.Counts()
        var byDestination: [QueueIndex.DestinationIndex: QueueIndex.Counts] = [:]
        for (id, message) in self.spool.messages {
            guard let slot = index.slot(of: id) else {
                self.expect(false, "\(id) is lost")
                continue
            }
            for row in index.rows(of: slot) {
                let recipient = message.recipients[Int(index.rowIndex[Int(row)])]
                let state = index.states[Int(row)]
                counts[state] += 1
                byDestination[index.destinations[Int(row)], default: QueueIndex.Counts()][state] += 1
                switch state {
                case .active:
                    self.expect(!recipient.state.isSettled, "\(id): \(state), \(recipient.state)")
                    self.expect(self.isUnderWay(row, of: id), "\(id): \(state), and nobody has it")
                case .queued, .deferred:
                    self.expect(!recipient.state.isSettled && recipient.state != .hold, "\(id): \(state), \(recipient)")
                case .hold, .relayed, .bounced, .expired, .dropped:
                    self.expect(recipient.state == state, "\(id): \(state), \(recipient.state)")
                }
            }
        }
        for state in RecipientState.allCases {
            self.expect(counts[state] == index.counts[state], "\(index.counts[state]) \(state), of \(counts[state])")
        }
        self.lookAtDestinations(byDestination)
    }

    /// Whether something will end it: an attempt, a settlement, or a look into the spool.
    private func isUnderWay(_ row: QueueIndex.Row, of id: QueueID) -> Bool {
        if let number = self.scheduler.claims.number(of: row) {
            return self.attempts[number] != nil || self.settlements[number] != nil
        }
        return self.events.contains { event in
            if case .read(id) = event.what { event.life == self.life } else { false }
        }
    }

    private func lookAtDestinations(
        _ counted: [QueueIndex.DestinationIndex: QueueIndex.Counts]
    ) {
        var sessions = 0
        let gates = self.scheduler.backlog.gates
        for gate in Array(gates.all) {
            sessions += gates[gate].sessions
            let limit = gates[gate].key.limits.connections ?? 4
            self.expect(gates[gate].sessions <= limit, "\(gates[gate].sessions) sessions to one site")
        }
        for destination in Array(self.scheduler.destinations.all) {
            let counts = self.scheduler.index.countsByDestination[Int(destination)]
            for state in RecipientState.allCases {
                self.expect(counts[state] == counted[destination]?[state] ?? 0, "counts of one place are wrong")
            }
        }
        self.expect(sessions == self.sessions.count, "\(self.sessions.count - sessions) sessions go nowhere")
        self.expect(
            self.scheduler.destinations.capacity <= 4 * Self.domains,
            "\(self.scheduler.destinations.capacity) destinations"
        )
    }
}
