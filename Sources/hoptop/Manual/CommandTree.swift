import Foundation

/// The commands as swift-argument-parser describes them with `--experimental-dump-help`.
struct CommandTree: Decodable {
    var command: Command

    struct Command: Decodable {
        var commandName: String
        var superCommands: [String]?
        var shouldDisplay: Bool?
        var abstract: String?
        var discussion: String?
        var defaultSubcommand: String?
        var subcommands: [Command]?
        var arguments: [Argument]?

        /// `hoptop queue list`, in words.
        var path: [String] { (self.superCommands ?? []) + [self.commandName] }
        /// Those that a user should know of; `help` is said of all at once.
        var shown: [Command] {
            (self.subcommands ?? []).filter { $0.shouldDisplay != false && $0.commandName != "help" }
        }
        var shownArguments: [Argument] {
            (self.arguments ?? []).filter { $0.shouldDisplay && $0.longName != "help" && $0.longName != "version" }
        }
    }

    struct Argument: Decodable {
        enum Kind: String, Decodable { case positional, option, flag }
        struct Name: Decodable {
            enum Kind: String, Decodable { case long, short, longWithSingleDash }
            var kind: Kind
            var name: String
            /// Without the dash that mdoc's `Fl` writes.
            var flag: String { self.kind == .long ? "-\(self.name)" : self.name }
        }
        var kind: Kind
        var shouldDisplay: Bool
        var isOptional: Bool
        var isRepeating: Bool
        var names: [Name]?
        var preferredName: Name?
        var valueName: String?
        var defaultValue: String?
        var allValues: [String]?
        var abstract: String?
        var discussion: String?

        var longName: String? { self.names?.first { $0.kind == .long }?.name }
    }
}

extension CommandTree.Command {
    /// A page for this command; of the tool itself also one for each command below it.
    func pages(date: Date) -> [ManualPage] {
        [self.page(date: date)] + (self.superCommands == nil ? self.shown.flatMap { $0.pages(date: date) } : [])
    }

    private func page(date: Date) -> ManualPage {
        let isTool = self.superCommands == nil
        var page = ManualPage(
            self.path.joined(separator: "-"), section: 1, about: (self.abstract ?? "").withoutFullStop, date: date)
        page.heading("SYNOPSIS")
        let own = self.shown.isEmpty || isTool
        if own { self.addSynopsis(to: &page) }
        for command in self.shown where !isTool { command.addSynopsis(to: &page) }
        if isTool {
            page.macro("Nm")
            page.macro("Ar", "command")
            page.macro("Op", "Ar arguments")
        }
        let discussion = CommandDiscussion(self.discussion ?? "")
        page.heading("DESCRIPTION")
        page.prose(self.abstract ?? "")
        page.add(discussion.paragraphs)
        if isTool {
            self.addCommands(to: &page)
        } else {
            for command in self.shown {
                page.macro("Ss", ManualPage.word(command.path.joined(separator: " ")))
                command.addBody(to: &page)
            }
        }
        if own { self.addOptions(to: &page) }
        let discussions = [discussion] + (isTool ? [] : self.shown.map { CommandDiscussion($0.discussion ?? "") })
        for heading in ["EXIT STATUS", "EXAMPLES"] {
            page.add(heading, discussions.flatMap { $0.sections[heading] ?? [] })
        }
        page.heading("SEE ALSO")
        let others = isTool ? self.shown.map { "hoptop-\($0.commandName)" }.sorted() : ["hoptop"]
        for other in others { page.macro("Xr", other, "1", ",") }
        page.macro("Xr", "hoptop.toml", "5")
        return page
    }

    /// What is below a heading of its own.
    private func addBody(to page: inout ManualPage) {
        page.prose(self.abstract ?? "")
        page.add(CommandDiscussion(self.discussion ?? "").paragraphs)
        self.addOptionList(to: &page)
    }

    private func addSynopsis(to page: inout ManualPage) {
        page.macro("Nm", ManualPage.word(self.path.joined(separator: " ")))
        for argument in self.shownArguments {
            let words = argument.synopsis
            if argument.isOptional || argument.kind == .flag {
                page.macro("Op", words)
            } else {
                let (name, rest) = words.splitOnce
                page.macro(name, rest)
            }
        }
    }

    private func addCommands(to page: inout ManualPage) {
        page.macro("Pp")
        page.prose("The commands are:")
        page.macro("Bl", "-tag", "-width", "Ds")
        for command in self.shown {
            page.macro("It", "Xr", "hoptop-\(command.commandName)", "1")
            page.prose(command.abstract ?? "")
        }
        page.macro("El")
        if let standard = self.defaultSubcommand {
            page.macro("Pp")
            page.prose("Without a command \(standard) is meant.")
        }
    }

    private func addOptions(to page: inout ManualPage) {
        guard !self.shownArguments.isEmpty else { return }
        page.macro("Pp")
        page.prose("The arguments are:")
        self.addOptionList(to: &page)
    }

    private func addOptionList(to page: inout ManualPage) {
        guard !self.shownArguments.isEmpty else { return }
        page.macro("Bl", "-tag", "-width", "Ds")
        for argument in self.shownArguments {
            page.macro("It", argument.tag)
            page.prose(argument.abstract ?? "")
            if let discussion = argument.discussion { page.prose(discussion) }
            if let values = argument.allValues { page.prose("One of \(values.joined(separator: ", ")).") }
            if let standard = argument.defaultValue { page.prose("The default is \(standard).") }
        }
        page.macro("El")
    }
}

extension CommandTree.Argument {
    private var value: String { "Ar \(ManualPage.word(self.valueName ?? "value"))" }

    /// Macros for the name and the value.
    fileprivate var synopsis: String {
        let dots = self.isRepeating ? " ..." : ""
        switch self.kind {
        case .positional: return self.value + dots
        case .flag: return self.names?.map { "Fl \(ManualPage.word($0.flag))" }.joined(separator: " | ") ?? ""
        case .option: return "Fl \(ManualPage.word(self.preferredName?.flag ?? "")) \(self.value)\(dots)"
        }
    }
    fileprivate var tag: String {
        switch self.kind {
        case .positional: self.value
        case .flag, .option:
            (self.names ?? []).map { "Fl \(ManualPage.word($0.flag))" }.joined(separator: " , ")
                + (self.kind == .option ? " \(self.value)" : "")
        }
    }
}

/// A command's explanation: paragraphs, and what is below a line in capitals: examples, exit status.
struct CommandDiscussion {
    private(set) var paragraphs: [Paragraph] = []
    /// Blocks of lines, by their heading.
    private(set) var sections: [String: [[String]]] = [:]
    enum Paragraph { case prose(String), literal([String]) }

    init(_ text: String) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        for block in lines.split(separator: "").map({ Array($0) }) {
            if block.count > 1, !block[0].contains(where: \.isLowercase) {
                let heading = block[0] == "EXAMPLE" ? "EXAMPLES" : String(block[0])
                self.sections[heading, default: []].append(Self.outdented(block.dropFirst()))
                continue
            }
            let prose = block.prefix { !$0.hasPrefix(" ") }
            if !prose.isEmpty { self.paragraphs.append(.prose(prose.joined(separator: " "))) }
            let rest = block.dropFirst(prose.count)
            if !rest.isEmpty { self.paragraphs.append(.literal(Self.outdented(rest))) }
        }
    }

    private static func outdented(_ lines: some Collection<Substring>) -> [String] {
        let indent = lines.map { $0.prefix { $0 == " " }.count }.min() ?? 0
        return lines.map { String($0.dropFirst(indent)) }
    }
}

extension ManualPage {
    fileprivate mutating func add(_ paragraphs: [CommandDiscussion.Paragraph]) {
        for paragraph in paragraphs {
            switch paragraph {
            case .prose(let text):
                self.macro("Pp")
                self.prose(text)
            case .literal(let lines): self.literal(lines)
            }
        }
    }
    /// What several commands have in common is said once.
    fileprivate mutating func add(_ heading: String, _ blocks: [[String]]) {
        guard !blocks.isEmpty else { return }
        self.heading(heading)
        for (index, block) in blocks.enumerated() where !blocks[..<index].contains(block) { self.literal(block) }
    }
}

extension String {
    fileprivate var withoutFullStop: String { self.hasSuffix(".") ? String(self.dropLast()) : self }
    /// The first word, and what follows.
    fileprivate var splitOnce: (String, String) {
        let parts = self.split(separator: " ", maxSplits: 1).map(String.init)
        return (parts[0], parts.count > 1 ? parts[1] : "")
    }
}
