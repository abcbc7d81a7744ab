import AsyncHTTPClient
import DNS
import FoundationEssentials
import Logging
import Mail
import NIOCore
import NIOHTTP1
import SMTP
import Spool
import TLSPolicy

/// Sends the TLS reports of days that are over (RFC 8460 §5): one for each domain and day, some time in the four hours behind
/// midnight (UTC), as a message of our own or by HTTPS. One that no destination takes is tried again for a day.
actor TLSReporter {
    /// Milliseconds behind midnight: what was counted last is written by then.
    private static let delay: Range<Int64> = 300_000..<14_400_000
    /// Before the second attempt; doubled with each further one.
    private static let firstRetry: Int64 = 300_000
    private static let longestRetry: Int64 = 4 * 3_600_000
    private static let patience = Timestamp.dayMilliseconds
    /// Reports that are sent at a time, since a host that does not answer holds up its own alone.
    private static let atOnce = 16
    /// A host that takes reports has this long for one.
    private static let webPatience = TimeAmount.seconds(60)

    private struct Waiting {
        var domain: String
        var day: Int
        var due: Timestamp
        var failures = 0
        /// When it was tried first.
        var since: Timestamp?
    }

    private let dns: StubResolver
    private let web: WebClient
    private let spool: any Spool
    private let rules: StandingRules
    private let loop: any EventLoop
    private let clock: Clock
    private let log: Logger
    /// Of nodes that share what was counted, one sends it.
    private let isItsTurn: @Sendable () -> Bool
    private let accepted: @Sendable (SpooledMessage) -> Void
    private var sender: TLSReportSender?
    private var authorities: String?
    private var waiting: [Waiting] = []
    /// The day before which all that is to be told waits here.
    private var loaded: Int?
    private var timer: Task<Void, Never>?
    /// What is due is being sent, and nobody sends it twice.
    private var isLooking = false

    init(
        _ dns: StubResolver, group: any EventLoopGroup, spool: any Spool, rules: StandingRules,
        _ configuration: RelayConfiguration, clock: Clock, log: Logger, isItsTurn: @escaping @Sendable () -> Bool,
        accepted: @escaping @Sendable (SpooledMessage) -> Void
    ) {
        self.dns = dns
        self.web = WebClient(dns: dns, group: group)
        self.spool = spool
        self.rules = rules
        self.loop = group.next()
        self.clock = clock
        self.log = log
        self.isItsTurn = isItsTurn
        self.accepted = accepted
        self.sender = TLSReportSender(configuration)
        self.authorities = configuration.delivery.stsAuthorities
    }

    func reload(_ configuration: RelayConfiguration) {
        self.sender = TLSReportSender(configuration)
        self.authorities = configuration.delivery.stsAuthorities
    }

    /// Looks each minute what is due.
    func start() {
        self.timer = Task {
            while (try? await Task.sleep(for: .seconds(60))) != nil { await self.look() }
        }
    }

    /// Gives up what is being sent; no more is begun.
    func cancel() { self.timer?.cancel() }

    /// Waits until that is over.
    func stop() async {
        self.cancel()
        await self.timer?.value
    }

    /// Sends what is due. While no reports are wanted none is sent, and what was counted is kept.
    func look() async {
        guard let sender = self.sender, !self.isLooking, self.isItsTurn() else { return }
        self.isLooking = true
        defer { self.isLooking = false }
        let now = self.clock.now()
        await self.load(now)
        let due = self.waiting.filter { $0.due <= now }
        for start in stride(from: 0, to: due.count, by: Self.atOnce) where !Task.isCancelled {
            await withDiscardingTaskGroup { group in
                for report in due[start..<min(start + Self.atOnce, due.count)] {
                    group.addTask {
                        await self.tried(report, failure: await self.send(report, by: sender, at: now), at: now)
                    }
                }
            }
        }
    }

    /// Sends all that was counted, due or not; what no destination takes stays.
    func sendAll(domain: String?) async throws -> [TLSReportOutcome] {
        guard let sender = self.sender else { return [] }
        let now = self.clock.now()
        var outcomes: [TLSReportOutcome] = []
        for day in try await self.spool.tallies.talliedDays(before: now.day + 1)
        where domain ?? day.domain == day.domain {
            let report = Waiting(domain: day.domain, day: day.day, due: now)
            outcomes.append(
                TLSReportOutcome(
                    domain: day.domain, date: day.day.date, failure: await self.send(report, by: sender, at: now)))
        }
        return outcomes
    }

    private func load(_ now: Timestamp) async {
        // Sessions that ended before midnight may not have been written.
        let today = now.adding(milliseconds: -Self.delay.lowerBound).day
        guard self.loaded != today, let days = try? await self.spool.tallies.talliedDays(before: today) else { return }
        self.loaded = today
        for day in days where self.place(of: day.domain, day.day) == nil {
            let due = Timestamp(startOf: day.day + 1).adding(milliseconds: Int64.random(in: Self.delay))
            self.waiting.append(Waiting(domain: day.domain, day: day.day, due: due))
        }
    }

    private func place(of domain: String, _ day: Int) -> Int? {
        self.waiting.firstIndex { $0.domain == domain && $0.day == day }
    }

    /// - Parameter failure: `nil`: there is nothing left to do.
    private func tried(_ report: Waiting, failure: String?, at now: Timestamp) async {
        guard let place = self.place(of: report.domain, report.day) else { return }
        guard let failure else {
            self.waiting.remove(at: place)
            return
        }
        let since = report.since ?? now
        self.waiting[place].since = since
        self.waiting[place].failures += 1
        let wait = min(Self.firstRetry << min(report.failures, 10), Self.longestRetry)
        self.waiting[place].due = now.adding(milliseconds: wait)
        let isOver = now.since(since) >= Self.patience
        self.log.warning(
            isOver ? "a TLS report is given up" : "a TLS report cannot be sent yet",
            metadata: ["domain": "\(report.domain)", "why": "\(failure)"])
        guard isOver else { return }
        self.waiting.remove(at: place)
        await self.forget(report)
    }

    private func forget(_ report: Waiting) async {
        do {
            try await self.spool.tallies.forgetTallies(of: report.domain, on: report.day, on: self.loop).get()
        } catch { self.log.warning("a TLS report will be sent twice", metadata: ["why": "\(error)"]) }
    }

    // MARK: sending

    /// - Returns: why no destination took it.
    private func send(_ report: Waiting, by sender: TLSReportSender, at now: Timestamp) async -> String? {
        do {
            let name = TLSReportRecord.name(of: report.domain)
            let answer = try await self.dns.lookUp(TXT.self, of: name, on: self.loop).get()
            if case .failed(let failure) = answer.content { return "DNS: \(failure) for \(name) TXT" }
            let tallies = try await self.spool.tallies.tallies(of: report.domain, on: report.day)
            guard let record = TLSReportRecord(records: answer.records.map(\.text)), !tallies.isEmpty else {
                // It does not want to know any more.
                await self.forget(report)
                return nil
            }
            let told = TLSReport(tallies, of: report.domain, on: report.day, by: sender)
            guard let octets = Gzip.compressed(Array(try told.text().utf8)) else { return "there is no memory" }
            var failures: [String] = []
            for destination in record.destinations {
                do {
                    switch destination {
                    case .mail(let address): try await self.mail(octets, to: address, told.id, report, sender, at: now)
                    case .web(let url): try await self.post(octets, to: url)
                    }
                    self.log.info(
                        "a TLS report was sent",
                        metadata: ["domain": "\(report.domain)", "to": "\(destination)", "report": "\(told.id)"])
                } catch { failures.append("\(destination): \(error)") }
            }
            // §3: it has arrived when one of them took it.
            guard failures.count < record.destinations.count else { return failures.joined(separator: "; ") }
            await self.forget(report)
            return nil
        } catch { return "\(error)" }
    }

    private func mail(
        _ octets: [UInt8], to address: String, _ reportID: String, _ report: Waiting, _ sender: TLSReportSender,
        at now: Timestamp
    ) async throws {
        guard let recipient = try? Mailbox(parsing: address), recipient.isASCII else {
            throw WebFailure("that is no mailbox")
        }
        let mail = TLSReportMail(
            id: self.spool.nextID(at: now), now: now, sender: sender, recipient: recipient, domain: report.domain,
            day: report.day, reportID: reportID, octets: octets)
        let content = mail.content
        var message = mail.message(octets: content.readableBytes)
        let holder = self.rules.hold(&message, at: now)
        try await self.spool.accept(NewMessage(message, content: .buffer(content), heldBy: holder), on: self.loop).get()
        self.accepted(message)
    }

    private func post(_ octets: [UInt8], to url: String) async throws {
        guard let host = URL(string: url)?.host() else { throw WebFailure("that is no URL") }
        var request = HTTPClientRequest(url: url)
        request.method = .POST
        request.headers.add(name: "content-type", value: "application/tlsrpt+gzip")
        request.body = .bytes(ByteBuffer(bytes: octets))
        let status = try await self.web.exchange(
            request, with: host.lowercased(), authorities: self.authorities, until: .now() + Self.webPatience
        ) { $0.status }
        guard (200..<300).contains(status.code) else { throw WebFailure("HTTP \(status.code)") }
    }
}
