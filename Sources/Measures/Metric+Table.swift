extension Metric {
    // MARK: mail

    public static let received = Metric(
        "hoptop_messages_received_total", .counter, from: .spool, "Messages that clients handed over.")
    public static let reports = Metric(
        "hoptop_messages_reports_total", .counter, from: .spool, "Messages made here to report on others.")
    public static let settled = Metric(
        "hoptop_recipients_settled_total", .counter, from: .spool, "Recipients by what became of them.",
        by: [Label("outcome", SettledOutcome.self)])
    public static let deferrals = Metric(
        "hoptop_recipients_deferrals_total", .counter, from: .spool,
        "Attempts after which a recipient was deferred; one recipient may have many.")
    public static let failures = Metric(
        "hoptop_recipients_failures_total", .counter, from: .start,
        "Recipients that an attempt, or the end of patience, failed for, by the subject of the enhanced status code (RFC "
            + "3463 section 3.2 ff.); none: there was no code, as when no host answers.",
        by: [Label("outcome", FailureOutcome.self), Label("subject", FailureSubject.self)])
    public static let deliveryDelay = Metric(
        "hoptop_delivery_delay_seconds", .histogram, from: .start,
        "From a message's arrival here until a recipient of it was relayed.",
        buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 14_400, 86_400, 432_000])
    public static let attemptDuration = Metric(
        "hoptop_attempt_duration_seconds", .histogram, from: .start,
        "From the start of an attempt, with its lookups and its connection, until its outcome was known.",
        buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600])
    public static let attempts = Metric(
        "hoptop_attempts_total", .counter, from: .start,
        "Attempts to hand recipients of one message to a next hop, by how they ended: answered: the host answered the "
            + "transaction; unreachable: no host gave a session; unresolved: the hosts are not known for now; unreadable: "
            + "the spool did not give the message; untried: given back before anything was said.",
        by: [Label("result", AttemptResult.self)])

    // MARK: reception

    public static let acceptance = Metric(
        "hoptop_acceptance_duration_seconds", .histogram, from: .start,
        "From the end of a message's content until it was durable and the 250 went out.",
        buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60])
    /// The codes of replies that refuse; what is not among them counts as `other`.
    public static let refusalCodes = [
        421, 450, 451, 452, 454, 455, 458, 500, 501, 502, 503, 504, 521, 523, 530, 534, 535, 538, 550, 551, 552, 553,
        554,
        555, 556,
    ]
    public static let refusals = Metric(
        "hoptop_reception_refusals_total", .counter, from: .start,
        "Commands and messages of clients that were refused, by the code of the reply.",
        by: [Label("code", Self.refusalCodes.map(String.init) + ["other"])])
    public static let failedLogins = Metric(
        "hoptop_reception_failed_logins_total", .counter, from: .start, "AUTH exchanges with wrong credentials.")

    // MARK: sessions

    private static let direction = Label("direction", SessionDirection.self)
    public static let sessions = Metric(
        "hoptop_sessions", .gauge, from: .now, "SMTP sessions under way: in: of clients; out: to next hops.",
        by: [Self.direction])
    public static let sessionsLimit = Metric(
        "hoptop_sessions_limit", .gauge, from: .now, "Inbound sessions that are taken at a time.")
    public static let sessionsOpened = Metric(
        "hoptop_sessions_total", .counter, from: .start,
        "SMTP sessions begun; of those to next hops also those that no "
            + "host answered.", by: [Self.direction])
    public static let sessionsFailed = Metric(
        "hoptop_sessions_failed_total", .counter, from: .start,
        "SMTP sessions that ended otherwise than by QUIT or in good order.", by: [Self.direction])
    public static let tlsSessions = Metric(
        "hoptop_tls_handshakes_total", .counter, from: .start, "TLS handshakes of SMTP sessions that came about.",
        by: [Self.direction, Label("version", TLSVersion.self)])
    public static let octets = Metric(
        "hoptop_smtp_bytes_total", .counter, from: .start,
        "Octets of SMTP dialogues and content, without TLS around them: received, and sent, in the sessions of each "
            + "direction.", by: [Self.direction, Label("flow", OctetFlow.self)])

    // MARK: the queue

    public static let queueMessages = Metric(
        "hoptop_queue_messages", .gauge, from: .now, "Messages with a recipient that is not settled.")
    public static let queueOctets = Metric(
        "hoptop_queue_bytes", .gauge, from: .now, "Octets of the content of queued messages.")
    public static let queueRecipients = Metric(
        "hoptop_queue_recipients", .gauge, from: .now, "Recipients that are not settled, by state.",
        by: [Label("state", QueueState.self)])
    public static let oldestAge = Metric(
        "hoptop_queue_oldest_age_seconds", .gauge, from: .now,
        "How long the oldest queued message is here; 0: the queue is empty.")
    public static let damaged = Metric(
        "hoptop_queue_damaged_messages", .gauge, from: .now,
        "Messages that are not on disk as they were written, and wait for the operator.")
    public static let destinations = Metric(
        "hoptop_destinations", .gauge, from: .now,
        "Next hops with queued mail or sessions, by condition: backoff: no session is opened for now; deferring: it answers, "
            + "and puts mail off; unrouted: mail without a route (1 or 0); suspended: by the operator; hold: all of its mail is "
            + "on hold.",
        by: [Label("condition", DestinationCondition.self)])
    public static let unrouted = Metric(
        "hoptop_queue_unrouted_recipients", .gauge, from: .now, "Recipients that no route takes.")

    // MARK: the spool

    public static let spoolTransaction = Metric(
        "hoptop_spool_transaction_duration_seconds", .histogram, from: .start,
        "Transactions of the spool's writer, each with one sync of the disk.",
        buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15])
    public static let spoolBatch = Metric(
        "hoptop_spool_transaction_changes", .histogram, from: .start,
        "Changes (a message taken, an outcome, an order) that one transaction made durable.",
        buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000])
    public static let spoolFailures = Metric(
        "hoptop_spool_failed_transactions_total", .counter, from: .start, "Transactions of the spool that failed.")
    public static let spoolFree = Metric(
        "hoptop_spool_free_bytes", .gauge, from: .now,
        "Octets that there is room for on the spool's disk, when it was last looked at.")
    public static let spoolTroubles = Metric(
        "hoptop_spool_troubles", .gauge, from: .now,
        "1 while the spool takes no new mail because of it: space: its disk is too full; access: it cannot be used; write: a "
            + "write failed; stall: its disk does not answer.",
        by: [Label("cause", SpoolTrouble.self)])
    public static let factsBehind = Metric(
        "hoptop_spool_facts_behind", .gauge, from: .now,
        "Facts that a reader, such as the journal, has not taken yet.", by: [Label("reader")])

    // MARK: DNS

    public static let lookups = Metric(
        "hoptop_dns_lookups_total", .counter, from: .start,
        "Questions of the relay to DNS, also those answered from memory, by what came of them: records; none: there is no "
            + "such name or record; bogus: its signatures are wrong; failed: no answer for now.",
        by: [Label("result", LookupResult.self)])

    // MARK: the program

    public static let ready = Metric(
        "hoptop_ready", .gauge, from: .now, "1 while new mail is taken, as /ready says.")
    public static let build = Metric(
        "hoptop_build_info", .gauge, from: .now, "Always 1; the version is a label.", by: [Label("version")])
    public static let cpu = Metric(
        "process_cpu_seconds_total", .counter, from: .start, "Processor time that the program used.")
    public static let residentMemory = Metric(
        "process_resident_memory_bytes", .gauge, from: .now, "Memory of the program that is in RAM.")
    public static let virtualMemory = Metric(
        "process_virtual_memory_bytes", .gauge, from: .now, "Address space of the program.")
    public static let descriptors = Metric("process_open_fds", .gauge, from: .now, "Open file descriptors.")
    public static let descriptorLimit = Metric(
        "process_max_fds", .gauge, from: .now, "File descriptors that the program may have.")
    public static let startTime = Metric(
        "process_start_time_seconds", .gauge, from: .now, "When the program started, in seconds since 1970.")

    /// All there are, in the page's order.
    public static let all: [Metric] = [
        .received, .reports, .settled, .deferrals, .failures, .attempts, .attemptDuration, .deliveryDelay, .acceptance,
        .refusals, .failedLogins, .sessions, .sessionsLimit, .sessionsOpened, .sessionsFailed, .tlsSessions, .octets,
        .queueMessages, .queueOctets, .queueRecipients, .oldestAge, .unrouted, .damaged, .destinations,
        .spoolTransaction,
        .spoolBatch, .spoolFailures, .spoolFree, .spoolTroubles, .factsBehind, .lookups, .ready, .build, .cpu,
        .residentMemory, .virtualMemory, .descriptors, .descriptorLimit, .startTime,
    ]
    static let byName = Dictionary(uniqueKeysWithValues: Self.all.map { ($0.name, $0) })
}
