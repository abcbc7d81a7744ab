import Glibc
import NIOCore

/// Keeps a context of libunbound for as long as it is right, and asks it. The resolver's thread owns it.
final class UnboundClient {
    private enum State {
        case closed
        /// Whether the servers hand signatures on is being found out. Nothing else is asked meanwhile.
        case trying(UnboundContext)
        case open(UnboundContext)
        /// Its servers or keys are no longer those to be asked; what is under way is still answered.
        case leaving(UnboundContext)
    }

    var inquiries = Inquiries()
    private var configuration: ResolverConfiguration
    private let note: (String) -> Void
    private var state = State.closed
    /// What /etc/resolv.conf and /etc/hosts were when they were read.
    private var files: [FileStamp] = []
    private var nextLook = NIODeadline.now()
    /// The servers did not hand signatures on; by then it is tried again.
    private var retrial: NIODeadline?
    private var isNoted = false

    private static let anchorTrial = Question(name: ".", type: .dnsKey)
    /// Where signatures are dropped, and where there was no answer at all.
    private static let timesBetweenTrials = (dropped: TimeAmount.minutes(10), silent: TimeAmount.minutes(1))
    private static let timeBetweenLooks = TimeAmount.seconds(5)

    init(_ configuration: ResolverConfiguration, note: @escaping (String) -> Void) {
        self.configuration = configuration
        self.note = note
    }

    private var context: UnboundContext? {
        switch self.state {
        case .closed: nil
        case .trying(let context), .open(let context), .leaving(let context): context
        }
    }

    var descriptor: CInt? { self.context?.descriptor }
    var deadline: NIODeadline? { self.inquiries.deadline }

    func reload(_ configuration: ResolverConfiguration) {
        self.configuration = configuration
        self.retrial = nil
        self.leave()
    }

    func close() {
        self.state = .closed
        self.inquiries.failAll(.unavailable("the resolver has stopped"))
    }

    /// Takes what was answered, and asks what can be asked.
    func work(at now: NIODeadline) {
        self.context?.process()
        for question in self.inquiries.expire(at: now) { self.context?.cancel(question) }
        guard !self.inquiries.isEmpty else { return }
        self.lookAround(at: now)
        if case .leaving(let context) = self.state, context.isIdle { self.state = .closed }
        if case .closed = self.state { self.open(at: now) }
        guard case .open(let context) = self.state else { return }
        let patience = TimeAmount.milliseconds(self.configuration.patience)
        while let question = self.inquiries.next(at: now, patience: patience) { context.ask(question) }
    }

    private func leave() {
        switch self.state {
        case .open(let context): self.state = .leaving(context)
        case .trying: self.state = .closed
        case .closed, .leaving: break
        }
    }

    // MARK: a context

    private func open(at now: NIODeadline) {
        self.files = self.filesNow
        self.nextLook = now + Self.timeBetweenLooks
        let anchor: String?
        switch self.configuration.trustAnchor {
        case .none: anchor = nil
        case .file(let file): anchor = file
        case .auto:
            anchor = ResolverConfiguration.machineAnchors.first { access($0, R_OK) == 0 }
            if let anchor, self.retrial.map({ $0 <= now }) ?? true { return self.tryAnchor(anchor) }
            return self.open(anchor: nil)
        }
        self.open(anchor: anchor)
    }

    private func open(anchor: String?) {
        do {
            self.state = .open(try self.context(anchor: anchor))
        } catch {
            self.note("the resolver cannot be used: \(error)")
            self.inquiries.failAll(.unavailable("\(error)"))
        }
    }

    private func context(anchor: String?) throws(UnboundContext.Failure) -> UnboundContext {
        try UnboundContext(self.configuration.servers, anchor: anchor) { [unowned self] question, answer in
            if question == Self.anchorTrial {
                self.anchorTried(answer)
            } else {
                self.inquiries.answered(question, answer)
            }
        }
    }

    /// Servers that drop signatures would make all that is signed bogus, and no mail would go out. Who must not go without
    /// names the file.
    private func tryAnchor(_ anchor: String) {
        guard let context = try? self.context(anchor: anchor) else { return self.open(anchor: nil) }
        self.state = .trying(context)
        context.ask(Self.anchorTrial)
    }

    private func anchorTried(_ answer: RawAnswer) {
        guard case .trying(let context) = self.state else { return }
        if answer.isSecure {
            self.state = .open(context)
            self.retrial = nil
            self.isNoted = false
        } else {
            let isBogus = if case .bogus = answer.failure { true } else { false }
            self.retrial = .now() + (isBogus ? Self.timesBetweenTrials.dropped : Self.timesBetweenTrials.silent)
            if !self.isNoted { self.note("the name servers hand no DNSSEC signatures on: no answer is secure") }
            self.isNoted = true
            self.open(anchor: nil)
        }
    }

    // MARK: the machine's files

    private struct FileStamp: Equatable {
        private let inode: UInt
        private let seconds: Int
        private let nanoseconds: Int
        init(_ path: String) {
            var status = stat()
            let exists = stat(path, &status) == 0
            self.inode = exists ? UInt(status.st_ino) : 0
            self.seconds = exists ? status.st_mtim.tv_sec : 0
            self.nanoseconds = exists ? status.st_mtim.tv_nsec : 0
        }
    }

    private var filesNow: [FileStamp] {
        self.configuration.servers == .system ? ["/etc/resolv.conf", "/etc/hosts"].map { FileStamp($0) } : []
    }

    /// The network may have changed, and servers may have learned to hand signatures on.
    private func lookAround(at now: NIODeadline) {
        guard case .open = self.state, self.nextLook <= now else { return }
        self.nextLook = now + Self.timeBetweenLooks
        if self.files != self.filesNow || self.retrial.map({ $0 <= now }) ?? false { self.leave() }
    }
}
