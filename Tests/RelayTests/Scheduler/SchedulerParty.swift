import Mail
import Monitor
import SMTP
import Spool
import Testing

@testable import Relay

/// What happens to a scheduler, and what it does, as text.
///
/// A line that begins with a time says what happened then; a time alone lets time pass until then. Lines that are indented
/// are what the scheduler wants done, and are compared:
/// ```
/// 0:00:00 accepted 1 to b@a.example c@a.example
///   begin 1: 1/b 1/c on session 1, new, to a.example:25
/// 0:00:01 ended 1: 450 busy
///   settle 1: 1/b deferred until 0:05:01 (450 busy), 1/c deferred until 0:05:01 (450 busy)
/// 0:05:01
///   begin 2: 1/b 1/c on session 1
/// ```
/// Unless told otherwise everything is written down at once, and a session is idle after a reply and ends without one.
/// Retry times are not spread.
struct SchedulerParty {
    /// Chance that always takes the middle.
    private struct Middle: RandomNumberGenerator {
        mutating func next() -> UInt64 { 1 << 63 }
    }

    private static let start: Int64 = 1_800_000_000_000
    private var now: Timestamp
    private var configuration: RelayConfiguration
    private var scheduler: Scheduler
    private var spool = ModelSpool()
    private var wake: Timestamp?
    private var random = Middle()
    private var sessionOf: [Int: Int] = [:]
    /// The hosts that each session may lead to: it leads to the first one, since all of them answer.
    private var hosts: [Int: [SocketEndpoint]] = [:]
    private var isWriting: Bool
    private var unwritten: [Int: (QueueID, [Settlement.Outcome])] = [:]
    private var orders: [Int: (Order.Action, [RecipientTarget], retry: Int?)] = [:]
    private var questions: [String: Scheduler.Question] = [:]
    private var destinationOrders = DestinationOrders()
    private var requests: [PermitRequest] = []
    private var lease: Int64 = 1
    private var lines: [String] = []

    private init(writesAtOnce: Bool, _ change: (inout RelayConfiguration) -> Void) {
        self.now = Timestamp(milliseconds: Self.start)
        var configuration = RelayConfiguration(hostname: "mx.example.net", listen: [], spoolDirectory: "/nowhere")
        configuration.delivery.connections = 2
        configuration.routes = Self.routes("a.example=a.example b.example=b.example")
        change(&configuration)
        self.configuration = configuration
        self.scheduler = Scheduler(configuration, at: self.now)
        self.scheduler.permits(areUnder: self.lease)
        self.isWriting = writesAtOnce
    }

    /// Plays what happens in `text`, and compares all of it with what is said there.
    static func expect(
        _ text: String, writesAtOnce: Bool = true, sourceLocation: SourceLocation = #_sourceLocation,
        _ change: (inout RelayConfiguration) -> Void = { _ in }
    ) {
        var party = SchedulerParty(writesAtOnce: writesAtOnce, change)
        let lines = text.split(separator: "\n").map(String.init).filter { !$0.hasPrefix("#") }
        for line in lines where !line.hasPrefix(" ") { party.play(line) }
        #expect(party.lines.joined(separator: "\n") == lines.joined(separator: "\n"), sourceLocation: sourceLocation)
    }

    /// `domain=host` for each route, or `domain=host,host`; `domain=mx` for one by MX.
    static func routes(_ text: String) -> [Route] {
        text.split(separator: " ").compactMap { word in
            let parts = word.split(separator: "=").map(String.init)
            guard parts.count == 2, let pattern = DomainPattern(parts[0]) else { return nil }
            return Route(
                pattern: pattern,
                via: parts[1] == "mx"
                    ? .exchangers
                    : .hosts(parts[1].split(separator: ",").map { SocketEndpoint(host: String($0), port: 25) }))
        }
    }

    // MARK: time

    private mutating func play(_ line: String) {
        let (time, event) = line.split(separator: " ", maxSplits: 1).map(String.init).firstAndRest
        self.pass(until: Timestamp(milliseconds: Self.start + Self.milliseconds(time)))
        if !event.isEmpty || self.lines.last(where: { !$0.hasPrefix(" ") }) != line { self.lines.append(line) }
        if !event.isEmpty { self.happened(event) }
    }

    private mutating func pass(until time: Timestamp) {
        while let wake = self.wake, wake <= time {
            self.wake = nil
            self.now = max(wake, self.now)
            let said = self.lines.count
            self.scheduler.timePassed(at: self.now)
            self.drain()
            if self.lines.count > said { self.lines.insert(self.text(self.now), at: said) }
        }
        self.now = time
    }

    private static func milliseconds(_ text: String) -> Int64 {
        text.split(separator: ":").reduce(0) { $0 * 60 + (Int64($1) ?? 0) } * 1000
    }

    private func text(_ time: Timestamp) -> String {
        let seconds = (time.milliseconds - Self.start) / 1000
        func two(_ number: Int64) -> String { (number < 10 ? "0" : "") + "\(number)" }
        return "\(seconds / 3600):\(two(seconds / 60 % 60)):\(two(seconds % 60))"
    }

    // MARK: what happens

    private mutating func happened(_ event: String) {
        let (verb, rest) = event.split(separator: " ", maxSplits: 1).map(String.init).firstAndRest
        let (name, words) = rest.split(separator: " ", maxSplits: 1).map(String.init).firstAndRest
        let number = Int(name.filter(\.isNumber)) ?? 0
        switch verb {
        case "accepted": self.accept(number, words)
        case "ended": self.attemptEnded(number, words)
        case "closed": self.scheduler.sessionEnded(number, at: self.now)
        case "written": self.written(number)
        case "stale":
            guard let (id, _) = self.unwritten.removeValue(forKey: number) else { return }
            self.scheduler.settlementStale(number, of: id, at: self.now)
        case "aside":
            guard let (_, outcomes) = self.unwritten.removeValue(forKey: number) else { return }
            self.scheduler.settlementKeptAside(number, outcomes, "the disk is gone", at: self.now)
        case "read":
            let id = QueueID(rawValue: Int64(number))
            self.scheduler.messageRead(id, self.spool.messages[id], at: self.now)
        case "writing": self.scheduler.writing(isBlocked: name == "fails", at: self.now)
        case "retry", "hold", "release", "drop": self.orderBegan(verb, rest)
        // Until when, and which.
        case "postpone": self.orderBegan(verb, words, until: Self.milliseconds(name))
        // A further part of that order.
        case "again": self.orderBegan("retry", words, of: number)
        case "done": self.orderEnded(number)
        // Of a node that shares its queue.
        case "lease":
            // It may go on under the same number, or be another one.
            if name == "over" {
                self.scheduler.leaseEnded(now: nil)
            } else {
                if name == "new" { self.lease += 1 }
                self.scheduler.leaseEnded(now: self.lease)
                self.scheduler.divided(by: 1, of: 1, under: self.lease, at: self.now)
                self.scheduler.fleetChanged(mayBegin: true, at: self.now)
            }
        case "drains": self.scheduler.leaseEnded(now: self.lease)
        // Of the store, which is asked now, and answers.
        case "permits": self.askForPermits()
        case "granted":
            let grants = self.requests.filter { $0.site.hasPrefix(name) }.map {
                PermitGrant(site: $0.site, held: Int(words.prefix(1)) ?? 0, isWaitedFor: words.hasSuffix("waited for"))
            }
            self.scheduler.permitsGranted(grants, for: self.requests, at: self.now)
        // That share the queue; `crowded`: another one has more than its share of a site.
        case "nodes":
            let isCrowded = words.hasPrefix("crowded")
            let sites = self.scheduler.backlog.gates.all.map { self.scheduler.backlog.gates[$0].key.name }
            self.scheduler.divided(
                by: number, of: number, crowded: isCrowded ? Set(sites) : [], under: self.lease, at: self.now)
        case "crowded":
            let sites = self.scheduler.crowdedSites(among: number, of: number).map { $0.prefix { $0 != " " } }
            self.lines.append("  \(sites.isEmpty ? "none" : sites.sorted().joined(separator: " "))")
        // At another node, which this one is not told.
        case "elsewhere": _ = self.spool.apply(self.action(name), self.targets(words), at: self.now)
        case "bounce":
            let (settlements, skipped) = self.scheduler.bounceOrdered(on: self.targets(rest), by: "ops")
            if settlements.isEmpty { self.lines.append("  skipped \(skipped.values.reduce(0, +))") }
        case "jumped":
            let jump = Self.milliseconds(name.filter { $0 != "-" }) * (name.hasPrefix("-") ? -1 : 1)
            self.scheduler.clockJumped(by: jump, to: self.now.adding(milliseconds: jump))
            self.now = self.now.adding(milliseconds: jump)
            self.wake = self.wake?.adding(milliseconds: jump)
        case "why": self.tell(name)
        case "resolved": self.resolved(name, words)
        case "routes":
            self.configuration.routes = Self.routes(rest)
            self.scheduler.routesChanged(self.configuration, at: self.now)
        case "suspend", "resume", "limit", "reroute": self.order(verb, name, words)
        case "stopped": self.scheduler.stopped()
        default: Issue.record("unknown event \(event)")
        }
        self.drain()
    }

    private mutating func askForPermits() {
        self.requests = self.scheduler.permitRequests(at: self.now)
        for request in self.requests {
            let site = request.site.split(separator: " ").first ?? ""
            self.lines.append("  \(site): keeps \(request.kept), wants \(request.wanted) of \(request.limit)")
        }
    }

    /// `suspend a.example:25`, `limit a.example:25 1`, `reroute a.example:25 b.example:25`; a limit or a way may end too.
    private mutating func order(_ verb: String, _ name: String, _ words: String) {
        switch verb {
        case "suspend": self.destinationOrders.suspensions[name] = Suspension(by: "ops")
        case "resume": self.destinationOrders.suspensions[name] = nil
        case "limit": self.destinationOrders.limits[name] = Int(words)
        default: self.destinationOrders.detours[name] = Detour(words)
        }
        self.scheduler.destinationsOrdered(self.destinationOrders, at: self.now)
    }

    private mutating func accept(_ number: Int, _ words: String) {
        var message = SpooledMessage(
            id: QueueID(rawValue: Int64(number)), arrived: self.now,
            reversePath: .path(Path(mailbox: Mailbox(localPart: "ann", domain: Domain("example.net")))),
            arrival: Arrival(with: "ESMTP"), contentOctets: 24, recipients: [])
        var due = self.now
        var isHeld = false
        for word in words.split(separator: " ").map(String.init) {
            let parts = word.split(separator: "@").map(String.init)
            if word.hasPrefix("MT-PRIORITY=") {
                message.parameters.append(Parameter("MT-PRIORITY", String(word.dropFirst(12))))
            } else if word.hasPrefix("BY=") {
                message.parameters.append(Parameter("BY", String(word.dropFirst(3))))
            } else if word.hasPrefix("due=") {
                due = Timestamp(milliseconds: Self.start + Self.milliseconds(String(word.dropFirst(4))))
            } else if word == "on-hold" {
                isHeld = true
            } else if word == "tls-report" {
                message.arrival = .tlsReport
            } else if word == "<>" {
                message.reversePath = .null
            } else if parts.count == 2 {
                let mailbox = Mailbox(localPart: parts[0], domain: Domain(parts[1]))
                message.recipients.append(
                    SpooledRecipient(
                        index: message.recipients.count, forwardPath: .path(Path(mailbox: mailbox)), due: due))
            }
        }
        for place in message.recipients.indices {
            message.recipients[place].due = due
            if isHeld { message.recipients[place].comesInOnHold("spam", at: self.now) }
        }
        self.spool.accept(message)
        self.scheduler.accepted(message, at: self.now)
    }

    /// Why each recipient of a message does not go now.
    private mutating func tell(_ name: String) {
        guard let slot = self.scheduler.index.slot(of: QueueID(rawValue: Int64(name) ?? 0)) else { return }
        for row in self.scheduler.index.rows(of: slot) {
            self.lines.append("  \(self.name(row)) \(self.text(self.scheduler.why(row, at: self.now)))")
        }
    }

    private func text(_ why: WaitReason) -> String {
        func until(_ time: Timestamp?) -> String { time.map { " until \(self.text($0))" } ?? "" }
        return switch why {
        case .behind(let others): "behind \(others)"
        case .limited(let others, let connections): "behind \(others) at a limit of \(connections)"
        case .limitedElsewhere(let connections): "no permit at a limit of \(connections)"
        case .backoff(let time, let reason): "backoff\(until(time)): \(reason ?? "")"
        case .rate(let time): "rate\(until(time))"
        case .lookup(let time, let reason): "lookup\(until(time)):\(reason.map { " \($0)" } ?? "")"
        case .held: "held"
        case .noRoute(let domain): "no route for \(domain)"
        default: "\(why)"
        }
    }

    /// `a.example to mx1.example`, `a.example refused 556 no`, `a.example unavailable SERVFAIL`.
    private mutating func resolved(_ domain: String, _ words: String) {
        guard let question = self.questions.removeValue(forKey: domain) else {
            return self.lines.append("  nobody asked")
        }
        let (kind, rest) = words.split(separator: " ", maxSplits: 1).map(String.init).firstAndRest
        let resolution: Resolution
        switch kind {
        case "to":
            let hosts = rest.split(separator: " ").map {
                MailHost(endpoint: SocketEndpoint(host: String($0), port: 25), preference: 10)
            }
            resolution = .hosts(hosts, site: Site(hosts))
        case "refused":
            resolution = .refused(
                Reply(ReplyCode(rawValue: UInt16(rest.prefix(3)) ?? 0), nil, String(rest.dropFirst(4))))
        default: resolution = .unavailable(rest)
        }
        self.scheduler.resolved(question, resolution, at: self.now, using: &self.random)
    }

    private mutating func attemptEnded(_ number: Int, _ words: String) {
        guard let claim = self.scheduler.claims[number], let session = self.sessionOf[number] else {
            return self.lines.append("  there is no attempt \(number)")
        }
        var isOver = true
        let verdict: JobResult.Verdict
        switch words.split(separator: " ").first.map(String.init) {
        case "unreachable": verdict = .unreachable(String(words.dropFirst(12)))
        case "suspended": verdict = .suspended
        case "untried": verdict = .untried
        case "changed": verdict = .changed
        case "away": verdict = .away("the store is away")
        case "unreadable": verdict = .unreadable("cannot be read")
        case "damaged": verdict = .damaged("not as it was written")
        case "lost":
            let phase: SessionPhase = words.hasSuffix("behind the dot") ? .finalReply : .content
            verdict = .outcomes(claim.rows.map { _ in .deferred(.connectionLost(phase)) })
        default:
            let replies = words.split(separator: "|").map { Self.outcome($0.trimmingSpaces) }
            verdict = .outcomes(claim.rows.indices.map { replies[min($0, replies.count - 1)] })
            isOver = replies.contains { $0.breakingCause != nil }
        }
        let hosts = self.hosts[session] ?? []
        var result = JobResult(job: number, verdict: verdict, host: hosts.first, session: nil, milliseconds: 10)
        if case .suspended = verdict {
            result.host = nil
        } else if case .unreachable = verdict {
            result.host = nil
            result.tried = hosts
        } else {
            result.tried = Array(hosts.prefix(1))
            result.untried = Array(hosts.dropFirst())
        }
        self.scheduler.attemptEnded(result, at: self.now, using: &self.random)
        if isOver {
            self.scheduler.sessionEnded(session, at: self.now)
        } else {
            self.scheduler.sessionIdle(session, at: self.now)
        }
    }

    private static func outcome(_ text: String) -> ClientSession.Outcome {
        let code = Int(text.prefix(3)) ?? 0
        let reply = Reply(ReplyCode(rawValue: UInt16(code)), nil, String(text.dropFirst(4)))
        return switch code / 100 {
        case 2: .relayed(reply, dsn: false)
        case 5: .bounced(reply)
        default: .deferred(.reply(reply))
        }
    }

    private mutating func written(_ number: Int) {
        guard let (id, outcomes) = self.unwritten.removeValue(forKey: number) else { return }
        switch self.spool.settle(outcomes, of: id, at: self.now) {
        case .done(let generation, let isGone):
            self.scheduler.settlementWritten(
                number, outcomes, generation: generation, isGone: isGone, at: self.now)
        case .stale: self.scheduler.settlementStale(number, of: id, at: self.now)
        }
    }

    /// `1`, or `1/b` for one recipient.
    private func targets(_ names: String) -> [RecipientTarget] {
        names.split(separator: " ").flatMap { name -> [RecipientTarget] in
            let parts = name.split(separator: "/").map(String.init)
            guard let number = Int64(parts[0]), let message = self.spool.messages[QueueID(rawValue: number)] else {
                return []
            }
            return message.recipients.filter { parts.count == 1 || Self.name($0.forwardPath) == parts[1] }.map {
                RecipientTarget(message: message.id, index: $0.index, generation: $0.generation)
            }
        }
    }

    private func action(_ verb: String, until: Int64 = 0) -> Order.Action {
        switch verb {
        case "retry": .retry
        case "hold": .hold
        case "release": .release
        case "bounce": .bounce
        case "postpone": .postpone(until: Timestamp(milliseconds: Self.start + until))
        default: .drop(undoUntil: self.now)
        }
    }

    private mutating func orderBegan(_ verb: String, _ names: String, of first: Int? = nil, until: Int64 = 0) {
        let action = self.action(verb, until: until)
        let begun = self.scheduler.orderBegan(on: self.targets(names))
        let skipped = begun.skipped.sorted { $0.key.rawValue < $1.key.rawValue }.map { ", \($0.value) \($0.key)" }
        self.lines.append("  order \(begun.number): \(begun.targets.count)\(skipped.joined())")
        self.orders[begun.number] = (action, begun.targets, verb == "retry" ? first ?? begun.number : nil)
    }

    private mutating func orderEnded(_ number: Int) {
        guard let (action, targets, retry) = self.orders.removeValue(forKey: number) else { return }
        let applied = self.spool.apply(action, targets, at: self.now)
        self.scheduler.orderEnded(
            number, applied.changes, hasMissed: applied.skipped[.changed] != nil, retry: retry, at: self.now)
    }

    // MARK: what is to be done

    private mutating func drain() {
        while let action = self.scheduler.next() {
            switch action {
            case .resolve(let question, let place):
                let domain = NextHop(place).description
                self.lines.append("  resolve \(domain)")
                self.questions[domain] = question
            case .begin(let attempt, _, let session, let isNew):
                self.sessionOf[attempt] = session
                let rows = self.scheduler.claims[attempt]?.rows ?? []
                let hop = self.scheduler.nextHop(ofSession: session)
                var way = ""
                if isNew {
                    let leftOut = self.scheduler.hostsLeftOut(ofSession: session)
                    let hosts = (hop?.hosts ?? []).filter { !leftOut.contains($0) }
                    self.hosts[session] = hosts
                    way = ", new, to \(hop?.description ?? "nowhere")"
                    if hosts.first != hop?.hosts.first { way += ", at \(hosts.first?.description ?? "none")" }
                }
                self.lines.append(
                    "  begin \(attempt): \(rows.map { self.name($0) }.joined(separator: " ")) on session \(session)\(way)"
                )
            case .settle(let number, let id, let outcomes):
                let told = outcomes.map { "\(self.name(id, $0.index)) \(self.text($0))" }
                self.lines.append("  settle \(number): \(told.joined(separator: ", "))")
                self.unwritten[number] = (id, outcomes)
                if self.isWriting { self.written(number) }
            case .read(let id): self.lines.append("  read \(id.rawValue)")
            case .forget(let id): self.lines.append("  forget \(id.rawValue)")
            case .leave(let session): self.lines.append("  leave session \(session)")
            case .quit(let session): self.lines.append("  quit session \(session)")
            case .wake(let at): self.wake = at
            case .purge: break
            case .askForPermits: self.lines.append("  ask for permits")
            }
        }
    }

    private func text(_ outcome: Settlement.Outcome) -> String {
        let notice = outcome.notice.map { ", told: \(Self.text($0))" } ?? ""
        let reply = outcome.reply.map { " (\($0)\(notice))" } ?? ""
        if outcome.delayNoticed { return "noticed\(reply)" }
        let until = outcome.state == .deferred ? outcome.due.map { " until \(self.text($0))" } ?? "" : ""
        return "\(outcome.state.word)\(until)\(reply)"
    }

    private static func text(_ notice: Settlement.Notice) -> String {
        switch notice {
        case .noRoute: "no route"
        case .suspended: "suspended"
        case .late(_, let notice): "late, \(Self.text(notice))"
        }
    }

    private func name(_ row: QueueIndex.Row) -> String {
        self.name(self.scheduler.index.id(ofRow: row), Int(self.scheduler.index.rowIndex[Int(row)]))
    }
    private func name(_ id: QueueID, _ index: Int) -> String {
        let recipient = self.spool.messages[id]?.recipients[index]
        return "\(id.rawValue)/\(recipient.map { Self.name($0.forwardPath) } ?? "?")"
    }
    private static func name(_ path: ForwardPath) -> String {
        guard case .path(let path) = path else { return "postmaster" }
        return path.mailbox.localPart
    }
}

extension [String] {
    fileprivate var firstAndRest: (String, String) { (self.first ?? "", self.count > 1 ? self[1] : "") }
}

extension Substring {
    fileprivate var trimmingSpaces: String {
        String(self.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}
