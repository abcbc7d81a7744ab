import Monitor

/// A view at the bottom of the stack. Its digit is its place in ``all``.
struct View: Sendable {
    /// The command that shows it.
    let command: Command
    /// The words on its tab.
    let title: String
    /// What a feed must be able to show for it; `nil`: each can.
    let area: FeedCapabilities.Area?
    let make: @Sendable (_ node: Int, _ feed: any MonitorFeed) -> any Pane

    /// - Parameter name: what is typed after `:`.
    init(
        _ name: String, digit: Character, title: String, summary: String,
        area: FeedCapabilities.Area? = nil, make: @escaping @Sendable (Int, any MonitorFeed) -> any Pane
    ) {
        self.command = Command(name, [.character(digit)], summary)
        self.title = title
        self.area = area
        self.make = make
    }

    /// Every view there is, in the order of the tabs.
    static let all: [View] = [.overview, .queue, .connections, .destinations, .journal, .map]
    static func index(of name: String) -> Int? { Self.all.firstIndex { $0.command.name == name } }
}

extension Node {
    /// The views that its feed can show.
    var views: [View] {
        View.all.filter { view in view.area.map { self.capabilities?.areas.contains($0) == true } ?? true }
    }
}

extension Surroundings {
    /// The keys of the views: `1-5`.
    var viewLabels: String {
        let labels = self.node.views.map { self.label(of: $0.command) }
        return "\(labels.first ?? "")-\(labels.last ?? "")"
    }
}
