import Mail
import Monitor

/// The three views at the bottom.
enum View: Int, Hashable, CaseIterable {
    case overview = 1
    case queue, connections
    var title: String {
        switch self {
        case .overview: "Overview"
        case .queue: "Queue"
        case .connections: "Connections"
        }
    }
    var place: Place {
        switch self {
        case .overview: .overview
        case .queue: .queue
        case .connections: .connections
        }
    }
}

/// What was opened on top of a view.
enum Layer {
    case message(MessageState)
    case transcript(TranscriptState)
}

struct MessageState {
    enum Focus { case recipients, attempts }
    var id: String
    var detail: MessageDetail?
    /// The feed knows nothing of it.
    var isGone = false
    var recipient = 0
    var attempt = 0
    var focus = Focus.recipients
    /// Indexes of tagged recipients.
    var tagged: Set<Int> = []
    var showsHeader = false
    var headerTop = 0
    /// What other nodes know of it further on.
    var joined: [JoinKey: MessageDetail] = [:]
}

/// A message of another node.
struct JoinKey: Hashable {
    var node: Int
    var id: String
}

struct TranscriptState {
    var session: SessionRef
    var page: ConnectionRow?
    var lines: [TranscriptLine] = []
    /// The number after the last line that was read.
    var end = 0
    var elided = 0
    var isGone = false
    var cursor = 0
    var top = 0
    /// The cursor stays on the newest line.
    var follows = false
    /// Lines kept at most.
    static let limit = 10_000
}

/// Which messages an action is for.
enum Tags {
    /// By identity, with how many unsettled recipients each had when last seen.
    case some([String: Tagged])
    /// All that a filter matched at one moment.
    case frozen(FrozenSet)

    struct Tagged {
        var ref: MessageRef
        var recipients: Int
    }
    var isEmpty: Bool {
        switch self {
        case .some(let tagged): tagged.isEmpty
        case .frozen: false
        }
    }
    var messages: Int {
        switch self {
        case .some(let tagged): tagged.count
        case .frozen(let set): set.messages
        }
    }
    func contains(_ identity: String) -> Bool {
        switch self {
        case .some(let tagged): tagged[identity] != nil
        case .frozen: true
        }
    }
}

/// What is known of one node.
struct NodeState {
    var entry: FeedEntry
    var capabilities: FeedCapabilities?
    var overview: Overview?
    /// Why the last read failed; `nil` when it did not.
    var trouble: String?
    var facts: [FactRow] = []
    var queue = ListState<QueueRow>()
    var queueQuery = QueueQuery()
    var preview: MessageDetail?
    var tags = Tags.some([:])
    var connections = ListState<ConnectionRow>()
    var connectionQuery = ConnectionQuery()
    var overviewPane = OverviewPane.destinations
    var overviewRow: [OverviewPane: Int] = [:]
    init(_ entry: FeedEntry) { self.entry = entry }
}

enum OverviewPane: Int, CaseIterable { case attention, destinations, facts }

/// What takes all keys until it is answered.
enum Modal {
    case help(top: Int)
    case prompt(Prompt)
    case dialog(Dialog)
    case menu(Menu)
}

struct Prompt {
    enum Kind { case palette, search, filter }
    var kind: Kind
    var text: String
    /// What the filter was before, for Esc.
    var before: String
    /// Names that Tab goes through, and where it is.
    var completions: [String] = []
    var completion: Int?
}

struct Dialog {
    var title: String
    var lines: [[Run]]
    /// The word on the button that is not Cancel.
    var verb: String
    /// A number that must be typed first; `nil`: none.
    var number: Int?
    var typed = ""
    /// False: on Cancel.
    var isOnVerb = false
    var action: PendingAction
}

enum PendingAction {
    case queue(QueueAction, Targets)
    case close(SessionRef)
}

struct Menu {
    enum Kind { case sort, theme }
    var kind: Kind
    var title: String
    var items: [String]
    var index: Int
}

/// The line above the keys: what the last action did.
struct Outcome {
    enum Kind { case ok, warning, failure, plain }
    var text: String
    var kind: Kind
    var at: Timestamp
    var undo: UndoToken?
    var undoUntil: Timestamp?
    /// Where `undo` belongs.
    var node: Int = 0
}
