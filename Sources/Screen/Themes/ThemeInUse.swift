/// The theme that is shown, and where others come from.
struct ThemeInUse {
    private(set) var theme: Theme
    let library: ThemeLibrary
    private var watch: ThemeWatch

    init(_ options: ScreenOptions) {
        self.theme = options.theme
        self.library = options.themes
        self.watch = options.themeWatch
    }

    /// - Returns: what there is to say about it.
    /// - Throws: why it cannot be had; what is shown stays as it is.
    mutating func change(to name: String) throws(ThemeError) -> Outcome.Words {
        let loaded = try self.library.load(name)
        self.theme = loaded.theme
        self.watch = loaded.watch
        return loaded.warnings.first.map { ($0, .warning) } ?? ("theme \(name)", .plain)
    }

    /// - Returns: the name of the theme when its files were written since they were read.
    mutating func changedName() -> String? { self.watch.hasChanged() ? self.watch.name : nil }

    /// A menu whose items show at once, so that a theme is chosen by looking.
    var menu: Menu {
        let before = self.theme.name
        return Menu(
            title: "Theme", items: self.library.names, chosen: before, taken: { name, _ in [.theme(name)] },
            tried: { [.theme($0)] }, cancelled: [.theme(before)])
    }
}
