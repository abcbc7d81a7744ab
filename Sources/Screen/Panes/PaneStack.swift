import Mail

/// The views of all nodes, which of them is shown, and what was opened on top of it.
struct PaneStack {
    /// One pane for each of ``View/all``, node by node.
    private let views: [[any Pane]]
    private(set) var node = 0
    private(set) var view = 0
    private(set) var layers: [any Pane] = []
    /// When panes were left that were not read since.
    private var left: [ObjectIdentifier: Timestamp] = [:]
    /// How far wide columns are scrolled to the right.
    var columnOffset = 0

    init(_ feeds: [FeedEntry]) {
        self.views = feeds.enumerated().map { index, entry in View.all.map { $0.make(index, entry.feed) } }
    }

    /// The pane that has the keys.
    var top: any Pane { self.layers.last ?? self.base }
    /// The view at the bottom.
    var base: any Pane { self.views[self.node][self.view] }
    /// What the top pane was opened from; `nil`: it is a view.
    var below: (any Pane)? { self.layers.isEmpty ? nil : self.layers.dropLast().last ?? self.base }

    /// Of all nodes, and what was opened.
    var all: [any Pane] { self.views.joined() + self.layers }

    /// What the top pane shows is how things were then; `nil`: it is kept up to date.
    var shownAsOf: Timestamp? { self.left[ObjectIdentifier(self.top)] }
    /// Another pane gets the keys: what this one shows is no longer kept up to date.
    mutating func leave(at now: Timestamp) {
        let id = ObjectIdentifier(self.top)
        // Left twice without a read between, it still shows what it did the first time.
        self.left[id] = self.left[id] ?? now
    }
    mutating func wasRead(_ owner: ObjectIdentifier?) {
        if owner == ObjectIdentifier(self.top) { self.left[ObjectIdentifier(self.top)] = nil }
    }
    private mutating func close(from first: Int) {
        for pane in self.layers[first...] { self.left[ObjectIdentifier(pane)] = nil }
        self.layers.removeSubrange(first...)
        self.columnOffset = 0
    }

    mutating func show(view: Int) {
        self.close(from: 0)
        self.view = view
    }
    mutating func show(node: Int) {
        self.close(from: 0)
        self.node = node
    }
    mutating func push(_ pane: any Pane) {
        self.layers.append(pane)
        self.columnOffset = 0
    }
    /// Closes what was opened on a session, and what lies on top of it.
    ///
    /// - Returns: whether there was any.
    mutating func closeSessions() -> Bool {
        guard let first = self.layers.firstIndex(where: { $0 is TranscriptPane }) else { return false }
        self.close(from: first)
        return true
    }
    mutating func pop() {
        guard !self.layers.isEmpty else { return }
        self.close(from: self.layers.count - 1)
    }
}
