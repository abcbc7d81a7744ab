public import Mail
import SMTP

/// A row of the queue as a filter sees it where nothing but the row is known.
public struct QueueRowSubject: FilterSubject {
    private let row: QueueRow
    private let now: Timestamp
    public init(_ row: QueueRow, at now: Timestamp) {
        self.row = row
        self.now = now
    }
    public var plainTexts: [String] { [self.row.ref.id, self.row.from, self.row.to] }
    public func text(_ field: FilterField) -> String? {
        switch field {
        case .id: self.row.ref.id
        case .from: self.row.from
        case .to: self.row.to
        case .dest: self.row.destination ?? noRoute
        case .state: self.row.state.word
        case .code, .reply: self.row.lastReply
        case .tls: self.row.tls
        case .user: self.row.user
        case .age, .size, .try, .next, .peer, .name: nil
        }
    }
    public func number(_ field: FilterField) -> Int64? {
        switch field {
        case .age: self.now.since(self.row.arrived)
        case .size: self.row.contentOctets.map(Int64.init)
        case .try: Int64(self.row.tries)
        case .next: self.row.nextAttempt.map { max($0.since(self.now), 0) }
        case .id, .from, .to, .dest, .state, .code, .reply, .tls, .user, .peer, .name: nil
        }
    }
}

/// What `dest` says of mail that no route takes.
public let noRoute = "no route"

/// A session as a filter sees it.
public struct ConnectionSubject: FilterSubject {
    private let row: ConnectionRow
    private let now: Timestamp
    public init(_ row: ConnectionRow, at now: Timestamp) {
        self.row = row
        self.now = now
    }
    public var plainTexts: [String] {
        [self.row.ref.id, self.row.peer, self.row.name ?? "", self.row.message ?? "", self.row.user ?? ""]
    }
    public func text(_ field: FilterField) -> String? {
        switch field {
        case .id: self.row.ref.id
        case .peer: self.row.peer
        case .name: self.row.name
        case .state: self.row.phase.filterWord
        case .tls: self.row.tls
        case .user: self.row.user
        case .from, .to, .dest, .code, .reply, .age, .size, .try, .next: nil
        }
    }
    public func number(_ field: FilterField) -> Int64? {
        switch field {
        case .age: (self.row.ended ?? self.now).since(self.row.started)
        case .size: self.row.contentOctets.map(Int64.init)
        case .id, .from, .to, .dest, .state, .code, .reply, .tls, .user, .try, .next, .peer, .name: nil
        }
    }
}

extension SessionPhase {
    /// What a filter calls it: the command that is under way.
    var filterWord: String {
        switch self {
        case .connect: "connect"
        case .greeting: "greeting"
        case .hello: "ehlo"
        case .tls: "tls"
        case .auth: "auth"
        case .idle: "idle"
        case .mail: "mail"
        case .rcpt: "rcpt"
        case .data, .content, .finalReply: "data"
        case .quit: "quit"
        case .closed: "closed"
        }
    }
}
