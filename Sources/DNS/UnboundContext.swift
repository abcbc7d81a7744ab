import CUnbound
import Glibc

/// One name and one type.
struct Question: Hashable, Sendable {
    var name: String
    var type: RecordType
}

/// A context of libunbound: a validating resolver that forwards, with its cache and a thread of its own.
///
/// Whoever makes it is the only one to call it, on one thread.
final class UnboundContext {
    /// What there is no memory for, or no file.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    private final class Ticket {
        unowned let context: UnboundContext
        let question: Question
        var number: CInt = 0
        init(_ context: UnboundContext, _ question: Question) {
            self.context = context
            self.question = question
        }
    }

    private let context: OpaquePointer
    private let answered: (Question, RawAnswer) -> Void
    /// libunbound points to those of questions under way.
    private var tickets: [Question: Ticket] = [:]

    /// Readable when there is something to ``process()``.
    var descriptor: CInt { ub_fd(self.context) }
    var isIdle: Bool { self.tickets.isEmpty }

    /// What a cache of each kind may hold, and how many sockets there are for questions: the library's own are for a
    /// program that asks seldom. A server that was down is asked again, since there may be no other.
    private static let options = [
        ("msg-cache-size:", "8m"), ("rrset-cache-size:", "16m"), ("key-cache-size:", "2m"), ("neg-cache-size:", "1m"),
        ("infra-cache-numhosts:", "1000"), ("outgoing-range:", "200"), ("infra-host-ttl:", "30"),
        ("infra-keep-probing:", "yes"), ("do-not-query-localhost:", "no"), ("cache-max-negative-ttl:", "900"),
    ]
    /// Names that the library answers by itself (RFC 6761), and that the servers of a network may know.
    private static let privateZones = ["test.", "home.arpa."]

    /// - Parameters:
    ///   - anchor: a file of the keys that are believed; `nil`: nothing is secure.
    ///   - answered: called by ``process()``.
    init(
        _ servers: ResolverConfiguration.Servers, anchor: String?,
        answered: @escaping (Question, RawAnswer) -> Void
    ) throws(Failure) {
        guard let context = ub_ctx_create() else { throw Failure(description: "no memory for a resolver") }
        self.context = context
        self.answered = answered
        // Not a word on the standard error output, where a screen may be.
        _ = ub_ctx_debugout(context, nil)
        for (name, value) in Self.options { _ = ub_ctx_set_option(context, name, value) }
        _ = ub_ctx_async(context, 1)
        switch servers {
        case .system:
            // Without that file it is the server of this machine (resolv.conf(5)).
            if ub_ctx_resolvconf(context, nil) != 0 { _ = ub_ctx_set_fwd(context, "127.0.0.1") }
            _ = ub_ctx_hosts(context, nil)
        case .addresses(let addresses):
            for address in addresses {
                try Self.check(ub_ctx_set_fwd(context, "\(address.address)@\(address.port)"), "\(address)")
            }
        }
        if let anchor { try Self.check(ub_ctx_add_ta_file(context, anchor), anchor) }
        for zone in Self.privateZones { try Self.check(ub_ctx_zone_remove(context, zone), anchor ?? zone) }
    }

    deinit { ub_ctx_delete(self.context) }

    private static func check(_ status: CInt, _ what: String) throws(Failure) {
        guard status != 0 else { return }
        throw Failure(description: "\(what): \(String(cString: ub_strerror(status)))")
    }

    /// - Parameter question: none of those under way.
    func ask(_ question: Question) {
        let ticket = Ticket(self, question)
        self.tickets[question] = ticket
        let status = ub_resolve_async(
            self.context, question.name, question.type.number, 1, Unmanaged.passUnretained(ticket).toOpaque(),
            { ticket, status, result in
                guard let ticket else { return }
                let known = Unmanaged<Ticket>.fromOpaque(ticket).takeUnretainedValue()
                known.context.finished(known, status, result)
            }, &ticket.number)
        if status != 0 { self.finished(ticket, status, nil) }
    }

    /// Nothing more is said of it.
    func cancel(_ question: Question) {
        guard let ticket = self.tickets.removeValue(forKey: question) else { return }
        _ = ub_cancel(self.context, ticket.number)
    }

    /// Takes what was answered.
    func process() { _ = ub_process(self.context) }

    private func finished(_ ticket: Ticket, _ status: CInt, _ result: UnsafeMutablePointer<ub_result>?) {
        defer { ub_resolve_free(result) }
        guard self.tickets[ticket.question] === ticket else { return }
        self.tickets[ticket.question] = nil
        let answer =
            if status == 0, let result {
                RawAnswer(result.pointee)
            } else {
                RawAnswer(failure: .unavailable(String(cString: ub_strerror(status))))
            }
        self.answered(ticket.question, answer)
    }
}

extension RawAnswer {
    fileprivate init(_ result: ub_result) {
        self.isSecure = result.secure != 0
        if result.bogus != 0 {
            let why = result.why_bogus.map { String(cString: $0) } ?? ""
            self.failure = .bogus(String(why.prefix(200)))
        } else if result.nxdomain != 0 {
            self.hasNoSuchName = true
        } else if result.rcode != 0 {
            self.failure = .refused(Self.words(forCode: result.rcode))
        } else if result.havedata != 0, let data = result.data, let counts = result.len {
            var index = 0
            while let octets = data[index] {
                self.records.append(Array(UnsafeRawBufferPointer(start: octets, count: Int(counts[index]))))
                index += 1
            }
            self.canonicalName = result.canonname.flatMap { HostName(String(cString: $0)) }
        }
        if self.failure == nil { self.ttl = max(Int(result.ttl), 0) }
    }

    /// RFC 6895 §2.3.
    private static func words(forCode code: CInt) -> String {
        switch code {
        case 1: "FORMERR"
        case 2: "SERVFAIL"
        case 4: "NOTIMP"
        case 5: "REFUSED"
        default: "RCODE \(code)"
        }
    }
}
