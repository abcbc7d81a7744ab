import Mail
import Monitor

/// Something that is done through a feed. What its receipts say becomes the outcome line, and what can be taken back goes
/// on the undo stack.
struct Deed {
    enum Direction { case new, undo, redo }
    let node: Int
    /// `drop`, `undo hold`.
    let words: String
    /// What was done to mail; `nil`: something else.
    var action: QueueAction?
    /// Why, in the operator's words; `nil`: none are given.
    var reason: String?
    var direction = Direction.new
    let work: @Sendable (any MonitorFeed) async throws -> [Receipt]
    /// It sends recipients to another address than this one; `nil`: it does not, or there were several.
    var addressBefore: String?
    /// Drops that could be taken back until then at most cannot be after it; `nil`: it changes nothing about that.
    var purgesUntil: Timestamp?
    /// It sends recipients another way.
    var isReroute = false
    /// Rules that it ends.
    var ends: [RuleRef] = []
    /// Rules that have ended, and that it sets anew under other names.
    var restores: [RuleRef] = []
    /// What an undo of it is called: ``words`` of what was done at first.
    private(set) var undoWords: String
    /// What to do afterwards.
    var done: ([Receipt]) -> Void = { _ in }
    /// The outcome; `nil`: counts of recipients.
    var report: (([Receipt]) -> Outcome.Words)?

    init(
        node: Int, words: String, action: QueueAction? = nil, direction: Direction = .new,
        work: @escaping @Sendable (any MonitorFeed) async throws -> [Receipt], isReroute: Bool = false,
        undoWords: String? = nil, done: @escaping ([Receipt]) -> Void = { _ in },
        report: (([Receipt]) -> Outcome.Words)? = nil
    ) {
        self.node = node
        self.words = words
        self.action = action
        self.direction = direction
        self.work = work
        self.isReroute = isReroute
        self.undoWords = undoWords ?? words
        self.done = done
        self.report = report
    }

    /// Does one after the other. A failure after the first leaves what was done before it, and is told.
    ///
    /// - Parameter passesGone: what is gone keeps none of the others from being done, and is told behind them.
    static func each<Part: Sendable>(
        _ parts: [Part], passesGone: Bool = false, _ perform: @Sendable (Part) async throws -> Receipt
    ) async throws -> [Receipt] {
        var receipts: [Receipt] = []
        var failures: [FeedError] = []
        for part in parts {
            do {
                receipts.append(try await perform(part))
            } catch let error as FeedError where passesGone && error.code == .gone {
                failures.append(error)
            } catch let error as FeedError where !receipts.isEmpty {
                failures.append(error)
                break
            }
        }
        if receipts.isEmpty, let failure = failures.first { throw failure }
        return receipts + failures.map { Receipt(done: 0, messages: 0, remarks: [.failed(error: $0)]) }
    }

    func outcome(_ receipts: [Receipt]) -> Outcome.Words {
        if let report { return report(receipts) }
        if self.direction == .undo, receipts.foundNothing { return ("\(self.words): nothing to take back", .warning) }
        let isDone = receipts.didSomething && receipts.skipped.isEmpty
        return (receipts.words(self.words), isDone ? .ok : .warning)
    }
}
