import Monitor

/// A view at the bottom of the stack. Its digit is its place in ``all``.
struct View: Sendable {
    /// The command that shows it.
    let command: Command
    /// The words on its tab.
    let title: String
    let make: @Sendable (_ node: Int, _ feed: any MonitorFeed) -> any Pane

    /// - Parameter name: what is typed after `:`.
    init(
        _ name: String, digit: Character, title: String, summary: String,
        make: @escaping @Sendable (Int, any MonitorFeed) -> any Pane
    ) {
        self.command = Command(name, [.character(digit)], summary)
        self.title = title
        self.make = make
    }

    var digit: String { self.command.keys.first?.label ?? "" }

    /// Every view there is, in the order of the tabs.
    static let all: [View] = [.overview, .queue, .connections, .destinations]
    /// `1-3`
    static var digits: String { "\(Self.all.first?.digit ?? "")-\(Self.all.last?.digit ?? "")" }
    static func index(of name: String) -> Int? { Self.all.firstIndex { $0.command.name == name } }
}
