import Crypto
import Mail
import SMTP
import Spool

/// A gate's sessions where all nodes together may have so few that there is not one for each node: each needs a permit of the
/// store's. This node asks for one when mail waits, keeps it as long as it is of use, and gives it back after a while when
/// others wait.
struct Permits {
    /// For so many milliseconds one is kept that others wait for.
    static let turn: Int64 = 5000
    /// For so many milliseconds one is kept that no session needs, so that mail which comes now and then asks for none each
    /// time.
    static let rest: Int64 = 2000

    /// As the store knows it.
    private(set) var held = 0
    /// How many sessions this node may have by them.
    private(set) var usable = 0
    /// When the last one was had.
    private var since = Timestamp(milliseconds: 0)
    /// When as many sessions as that were there last.
    private var used = Timestamp(milliseconds: 0)
    private var isWaitedFor = false
    /// One was asked for, or is to be.
    private(set) var isWaiting = false
    /// The name by which the store knows the site; `nil`: it knows nothing of this node there.
    private(set) var name: String?

    /// The store is to be asked, now and then as long as it knows of this node.
    mutating func begin(as name: String) { self.name = name }

    /// - Returns: whether that is new.
    mutating func wait() -> Bool {
        defer { self.isWaiting = true }
        return !self.isWaiting
    }

    /// What the store is to be asked.
    ///
    /// - Parameters:
    ///   - sessions: that there are.
    ///   - idle: those of them that wait for a transaction.
    ///   - limit: for all nodes; `nil`: no permits are needed any more.
    ///   - wantsMore: mail waits for one more session.
    mutating func request(sessions: Int, idle: Int, limit: Int?, wantsMore: Bool, at now: Timestamp) -> PermitRequest? {
        guard let name = self.name else { return nil }
        guard let limit else {
            (self.held, self.usable) = (0, 0)
            return PermitRequest(site: name, limit: 0, kept: 0, wanted: 0)
        }
        if sessions >= self.held { self.used = now }
        self.limitUse(at: now)
        if self.isWaitedFor, !wantsMore { self.usable = min(self.usable, sessions - idle) }
        let isResting = !self.isWaitedFor && now.since(self.used) < Self.rest
        let kept = min(self.held, max(sessions, isResting ? self.held : wantsMore ? self.usable : 0))
        let wanted = wantsMore ? max(kept, min(max(self.held, sessions) + 1, limit)) : max(kept, min(sessions, limit))
        // What is given back is not used meanwhile.
        self.held = kept
        self.usable = min(self.usable, kept)
        self.isWaiting = wanted > kept
        return PermitRequest(site: name, limit: limit, kept: kept, wanted: wanted)
    }

    /// - Returns: whether the store knows nothing of this node any more.
    mutating func granted(_ grant: PermitGrant, for request: PermitRequest, at now: Timestamp) -> Bool {
        if grant.held > self.held { (self.since, self.used) = (now, now) }
        self.held = grant.held
        self.isWaitedFor = grant.isWaitedFor
        self.isWaiting = request.wanted > grant.held
        self.usable = self.held
        self.limitUse(at: now)
        if request.wanted == 0 { self.name = nil }
        return self.name == nil
    }

    private mutating func limitUse(at now: Timestamp) {
        let isOver = self.isWaitedFor && now.since(self.since) >= Self.turn
        self.usable = isOver ? min(self.usable, self.held - 1) : self.held
    }

    /// Whether others wait for one that no session needs.
    func isToBeGivenBack(sessions: Int) -> Bool { self.isWaitedFor && sessions < self.held }

    /// The lease under which they were had is over: the store has given them to others.
    mutating func end() { self = Permits() }

    /// It may be over: the next request shows what is left of them.
    mutating func pause() { self.usable = 0 }

    mutating func shift(by jump: Int64) {
        self.since = self.since.adding(milliseconds: jump)
        self.used = self.used.adding(milliseconds: jump)
    }
}

extension Gate.Key {
    /// What nodes call it among each other: the site's first host, and a digest of all that tells it from others.
    var name: String {
        let hosts = self.site.hosts.map { "\($0.endpoint) \($0.preference ?? 0) \($0.isSecure)" }
        let security = self.security
        let terms = [
            self.site.demanding ?? "", security.tls.rawValue, "\(security.isImplicit)",
            "\(security.fingerprint ?? [])", security.authorities ?? "",
            // Where the secret is found, and not what it is.
            security.login.map { "\($0.kind) \($0.user) \($0.secret)" } ?? "", "\(self.limits)",
        ]
        let digest = SHA256.hash(data: Array((hosts + terms).joined(separator: "\n").utf8))
        let text = digest.prefix(8).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        return "\(self.site.hosts.first?.endpoint.description ?? "") \(text)"
    }
}
