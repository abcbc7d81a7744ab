public import CoreMetrics
import DNS
import Glibc
public import Journal
public import Logging
public import Mail
public import Monitor
import NIOConcurrencyHelpers
public import NIOCore
public import NIOPosix
public import Sockets
public import Spool

/// The engine: takes mail in, keeps it in the spool, hands it to the next hop.
public final class Relay: Sendable {
    public static let version = "0.1.0"

    public let node: String
    let spool: any Spool
    let journal: Journal?
    let registry: SessionRegistry
    let signal: ChangeSignal
    let queue: Queue
    let view: QueueView
    let holds: HoldReasons
    let overview: QueueOverview
    let selections: Selections
    let orders: Orders
    let ruleKeeper: RuleKeeper
    /// `nil`: no other node can share the queue.
    let fleetMember: FleetMember?
    let refusals: RefusalFacts
    let deeds: OperatorDeeds
    let shutdown: ShutdownOrder
    let started: Timestamp
    let spoolWatch: SpoolWatch
    let log: Logger
    let group: MultiThreadedEventLoopGroup
    private let queueGroup: MultiThreadedEventLoopGroup
    private let threads: NIOThreadPool
    /// A thread of its own: a look at the disk waits for the disk alone, and not behind mail.
    private let watchThread = NIOThreadPool(numberOfThreads: 1)
    let reception: Reception
    private let dns: StubResolver
    let exchangers: MailExchangers
    let policies: HostPolicies
    private let tlsSessions: TLSSessions
    let tlsReporter: TLSReporter
    private let state: NIOLockedValueBox<State>

    private struct State {
        var configuration: RelayConfiguration
        var listeners: [OpenListener] = []
        var hasStarted = false
    }

    /// - Parameters:
    ///   - keyring: of the same configuration.
    ///   - spool: opened, and this engine's alone.
    ///   - journal: likewise; `nil`: none is kept.
    ///   - metrics: where the engine counts what it does.
    public convenience init(
        _ configuration: RelayConfiguration, keyring: Keyring, spool: any Spool, journal: Journal? = nil,
        threads: NIOThreadPool, metrics: any MetricsFactory = NOOPMetricsHandler.instance, log: Logger
    ) {
        self.init(
            configuration, keyring: keyring, spool: spool, journal: journal, threads: threads, clock: .system,
            metrics: metrics, log: log)
    }

    init(
        _ configuration: RelayConfiguration, keyring: Keyring, spool: any Spool, journal: Journal? = nil,
        threads: NIOThreadPool, clock: Clock, metrics: any MetricsFactory = NOOPMetricsHandler.instance, log: Logger
    ) {
        self.node = configuration.hostname
        self.spool = spool
        self.journal = journal
        self.log = log
        self.threads = threads
        self.started = clock.now()
        self.state = NIOLockedValueBox(State(configuration: configuration))
        self.group = MultiThreadedEventLoopGroup(numberOfThreads: System.coreCount)
        self.queueGroup = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = self.queueGroup.next()
        self.signal = ChangeSignal(loop: loop)
        self.holds = HoldReasons { [signal = self.signal] in signal.raise(.queue) }
        self.registry = SessionRegistry(node: configuration.hostname, signal: self.signal) { record in
            journal?.keep(record.ref, failed: record.hasFailed) { record.page(from: 0, count: .max) }
        }
        self.watchThread.start()
        self.spoolWatch = SpoolWatch(
            spool.condition, floor: configuration.freeSpace, threads: self.watchThread, loop: loop, log: log.of(.spool),
            signal: self.signal)
        self.dns = StubResolver(configuration.resolver, metrics: metrics) { log.of(.dns).warning("\($0)") }
        let measures = EngineMeasures(on: metrics)
        self.exchangers = MailExchangers(self.dns, configuration)
        self.policies = HostPolicies(
            self.dns,
            STSPolicies(
                self.dns, group: self.group, store: spool.policies, configuration, clock: clock, log: log.of(.dns)),
            configuration)
        self.tlsSessions = TLSSessions(
            self.dns, store: spool.tallies, loop: self.group.next(), configuration, clock: clock, log: log.of(.dns))
        let delivery = Delivery(
            group: self.group, spool: spool, registry: self.registry,
            resolver: SitesByPolicy(self.exchangers, self.policies), dns: self.dns, policies: self.policies,
            tlsSessions: self.tlsSessions, measures: measures, clock: clock, log: log.of(.delivery), threads: threads)
        let rules = StandingRules()
        let refusals = RefusalFacts(spool, loop: loop, log: log.of(.reception), signal: self.signal)
        self.refusals = refusals
        let deeds = OperatorDeeds(spool: spool, loop: loop, signal: self.signal, log: log)
        self.deeds = deeds
        self.shutdown = ShutdownOrder(node: configuration.hostname, now: { clock.now() }) {
            try? await deeds.note($0).get()
        }
        let queue = Queue(
            configuration, keyring: keyring, node: configuration.hostname, loop: loop, spool: spool, delivery: delivery,
            spoolWatch: self.spoolWatch, rules: rules, clock: clock, log: log.of(.queue), signal: self.signal)
        self.queue = queue
        self.view = QueueView(queue)
        self.overview = QueueOverview(queue)
        self.selections = Selections(queue)
        let orders = Orders(queue: queue, selections: self.selections)
        self.orders = orders
        let keeper = RuleKeeper(
            queue, selections: self.selections, orders: orders, rules: rules, refusals: refusals, log: log.of(.queue))
        self.ruleKeeper = keeper
        let spoolWatch = self.spoolWatch
        let fleetMember = spool.fleet.map {
            FleetMember($0, queue: queue, rules: keeper, spoolWatch: spoolWatch, log: log.of(.queue))
        }
        self.fleetMember = fleetMember
        queue.looksAgain = { [weak keeper] in keeper?.look(at: $0) }
        self.tlsReporter = TLSReporter(
            self.dns, group: self.group, spool: spool, rules: rules, configuration, clock: clock, log: log.of(.dns),
            isItsTurn: { fleetMember?.isFirst ?? true }, accepted: { queue.accepted($0) })
        self.reception = Reception(
            Admission(configuration: configuration, keyring: keyring), spool: spool, spoolWatch: self.spoolWatch,
            rules: rules, registry: self.registry, measures: measures, clock: clock, log: log.of(.reception),
            threads: threads,
            requested: { orders.release($0) },
            accepted: { queue.accepted($0) },
            refused: { refusals.refused($0) })
    }

    /// Listens, then reads the queue that an earlier run left; mail comes in meanwhile.
    ///
    /// - Parameter sockets: those that are bound already, by the addresses of their listeners.
    /// - Throws: ``ListenError`` when an address cannot be listened on; nothing was begun then.
    public func start(at sockets: [ListenAddress: [BoundSocket]] = [:]) async throws {
        let boundary = self.spool.nextID(at: self.started)
        await self.spoolWatch.start()
        // Before anything is read, so that nothing is missed that changes meanwhile.
        await self.fleetMember?.begin()
        try await self.ruleKeeper.load()
        self.reception.memory.whenCrowded { [weak self] in self?.trimMemory() }
        try await self.openListeners(at: sockets)
        try await self.recover(below: boundary)
        await self.ruleKeeper.begin()
        self.policies.start(on: self.group.next())
        await self.tlsSessions.load()
        await self.tlsReporter.start()
        let signal = self.signal
        self.journal?.follow(self.spool, since: self.started, changes: signal.changes()) { signal.raise(.journal) }
        self.state.withLockedValue { $0.hasStarted = true }
        self.fleetMember?.start()
    }

    /// Reads the queue that an earlier run left, for a look at it: nothing is listened on, and nothing is done about the mail.
    public func startForALook() async throws {
        await self.queue.onLoop { self.queue.tell { scheduler, _ in scheduler.stopped() } }
        // Where nothing goes out, nothing needs them.
        do { try await self.ruleKeeper.load() } catch {
            self.log.error("the standing rules cannot be read", metadata: ["error": "\(error)"])
        }
        let damaged = try await self.takeUp(below: self.spool.nextID(at: self.started))
        self.spoolWatch.damagedMail.found(damaged, isListed: false)
    }

    /// Twice a second for as long as many sessions share the memory for content.
    private func trimMemory() {
        self.queue.loop.scheduleTask(in: .milliseconds(500)) {
            guard !self.isStopping else { return }
            self.watchThread.submit { state in
                if case .active = state, self.reception.memory.trim() { self.trimMemory() }
            }
        }
    }

    /// What the spool holds goes into the queue; what of it cannot be read is told.
    private func recover(below boundary: QueueID) async throws {
        let damaged = try await self.takeUp(below: boundary)
        if !damaged.isEmpty {
            self.spoolWatch.damagedMail.found(damaged, isListed: false)
            do {
                try await self.spool.report(damaged, at: self.queue.now, on: self.group.next()).get()
            } catch { self.spoolWatch.failed(error) }
        }
        self.signal.raise(.queue)
    }

    /// - Returns: what cannot be read.
    private func takeUp(below boundary: QueueID) async throws -> [Damage] {
        var last: QueueID?
        var count = 0
        var damaged: [Damage] = []
        var known: [Damage] = []
        while true {
            let lease = try await self.spool.lease(after: last, count: 1000)
            guard let end = lease.end else { break }
            last = end
            damaged += lease.damaged
            let messages = lease.messages.filter { message in
                message.id < boundary && message.recipients.contains { !$0.state.isSettled }
            }
            count += messages.count
            known += messages.compactMap(\.damage)
            await self.queue.onLoop { self.queue.add(messages) }
            if end >= boundary { break }
        }
        self.spoolWatch.damagedMail.found(known)
        if count > 0 { self.log.info("took up the queue", metadata: ["messages": "\(count)"]) }
        return damaged
    }

    /// Takes no more mail, lets sessions under way end, then closes the spool. Nothing queued is lost.
    ///
    /// - Parameters:
    ///   - seconds: how long sessions may take.
    ///   - lastLook: runs when nothing more happens to mail, while the spool can still be read.
    public func stop(within seconds: Int64 = 5, lastLook: () async -> Void = {}) async {
        let listeners = self.state.withLockedValue { state in
            defer { state.listeners = [] }
            return state.listeners
        }
        self.shutdown.obeyed()
        self.spoolWatch.stop()
        // What sessions brought about is written by then, or cannot be.
        self.spool.giveUp(after: .seconds(seconds) + Queue.lastWrites)
        self.fleetMember?.cancel()
        await self.tlsReporter.cancel()
        for listener in listeners { await listener.close() }
        async let inbound: Void = self.reception.drain(within: .seconds(seconds))
        async let outbound: Void = self.queue.stop(within: .seconds(seconds))
        _ = await (inbound, outbound)
        await self.refusals.tell()
        await self.policies.stop()
        await self.dns.stop()
        await self.tlsReporter.stop()
        await self.tlsSessions.stop()
        self.signal.finish()
        self.registry.traces.finish()
        await lastLook()
        await self.journal?.finish()
        await self.fleetMember?.stop()
        await self.spool.close()
        try? await self.group.shutdownGracefully()
        try? await self.queueGroup.shutdownGracefully()
        try? await self.watchThread.shutdownGracefully()
    }

    /// Policy and routes as they are now; sessions under way keep what they began with. Listeners are ``relisten(_:)``'s; the
    /// spool, and the name of this node, stay as they were at the start.
    public func reload(_ configuration: RelayConfiguration, keyring: Keyring) {
        self.state.withLockedValue { $0.configuration = configuration }
        self.dns.reload(configuration.resolver)
        self.exchangers.reload(configuration)
        self.policies.reload(configuration)
        self.tlsSessions.reload(configuration)
        Task { await self.tlsReporter.reload(configuration) }
        self.spoolWatch.reload(floor: configuration.freeSpace)
        self.reception.reload(Admission(configuration: configuration, keyring: keyring))
        self.queue.reload(configuration, keyring: keyring)
    }

    /// Makes everything deferred due now.
    public func retryAll(by name: String) async throws -> Receipt { try await self.orders.retryAll(by: name) }

    var routeQuestion: RouteQuestion {
        RouteQuestion(
            node: self.node, queue: self.queue, overview: self.overview, exchangers: self.exchangers,
            policies: self.policies)
    }

    /// What an operator can see and do.
    ///
    /// - Parameter user: who acts, as facts name it.
    public func feed(user: String) -> any MonitorFeed { EngineFeed(self, user: user) }

    /// How it is doing, for programs that look after it.
    public var vitals: EngineVitals { EngineVitals(self) }

    /// How many recipients each of these messages has, settled ones among them; what is queued no more is missing.
    public func recipients(of messages: [QueueID]) async -> [QueueID: Int] {
        await self.queue.onLoop {
            let index = self.queue.scheduler.index
            return messages.reduce(into: [:]) { counts, id in
                if let slot = index.slot(of: id) { counts[id] = index.rows(of: slot).reduce(0) { sum, _ in sum + 1 } }
            }
        }
    }

    /// Addresses listened on, with the ports that the system chose.
    public var listening: [String] {
        self.listeners.map(\.place)
    }

    var listeners: [OpenListener] {
        get { self.state.withLockedValue { $0.listeners } }
        set { self.state.withLockedValue { $0.listeners = newValue } }
    }

    /// What else of this process waits for sockets may run there; ended when the engine is.
    public var eventLoops: any EventLoopGroup { self.group }

    /// Recipients that are not settled yet.
    public func queuedRecipients() async -> Int {
        await self.queue.onLoop { self.queue.scheduler.index.counts.unsettled }
    }

    var configuration: RelayConfiguration { self.state.withLockedValue { $0.configuration } }
    var hasStarted: Bool { self.state.withLockedValue { $0.hasStarted } }
    /// Whoever may act through a feed may have the program end that runs this engine.
    ///
    /// - Parameter body: has it end, as a signal would; returns at once.
    public func allowShutdown(_ body: @escaping @Sendable () -> Void) {
        self.shutdown.allow(body)
    }

    /// A signal has it stop, behind which ``stop(within:lastLook:)`` comes. It returns when that is a fact, so that a last look
    /// finds it, unless a disk stands still.
    public func toldToStop(by name: String) async { await self.shutdown.signalled(by: name) }

    /// The configuration was read again.
    ///
    /// - Parameter remainder: what of it stays as it was, and why; `nil`: all of it was taken.
    public func wasReloaded(by name: String, without remainder: String? = nil) {
        self.note(.reloaded, remainder, by: name)
    }
    /// The configuration was read again, and all stays as it was.
    public func reloadFailed(by name: String, because reason: String) { self.note(.reloadFailed, reason, by: name) }

    /// Nodes of a fleet have their facts in common, so that each of these says which node it is about.
    private func note(_ kind: FactKind, _ words: String?, by name: String) {
        let text = words.map { "\(self.node): \($0)" } ?? self.node
        self.deeds.note(Fact(at: self.queue.now, kind: kind, message: nil, text: text, actor: name))
    }

    /// Nothing new is begun any more.
    public var isStopping: Bool { self.shutdown.isObeyed }
    /// All of them, the queue's too.
    var allEventLoops: [any EventLoop] { Array(self.group.makeIterator()) + Array(self.queueGroup.makeIterator()) }

    /// What an operator should know from the start.
    var notes: [FeedCapabilities.Note] { self.configuration.routes.isEmpty ? [.noRoute] : [] }
}
