import Mail
import Monitor

/// Keys while a prompt, a dialog, a menu or the help is open.
extension Screen {
    func press(_ key: Key, in modal: Modal) {
        switch modal {
        case .help(let top): self.pressHelp(key, top)
        case .prompt(let prompt): self.pressPrompt(key, prompt)
        case .dialog(let dialog): self.pressDialog(key, dialog)
        case .menu(let menu): self.pressMenu(key, menu)
        }
    }

    private func pressHelp(_ key: Key, _ top: Int) {
        switch key {
        case .down, "j": self.modal = .help(top: top + 1)
        case .up, "k": self.modal = .help(top: max(0, top - 1))
        case .pageDown, " ": self.modal = .help(top: top + max(1, self.rows - 6))
        case .pageUp: self.modal = .help(top: max(0, top - max(1, self.rows - 6)))
        case .escape, .enter, "q", "?", .function(1), .backspace: self.modal = nil
        default: break
        }
    }

    private func pressPrompt(_ key: Key, _ prompt: Prompt) {
        var prompt = prompt
        switch key {
        case .escape, .control("c"):
            self.modal = nil
            if prompt.kind == .filter { self.setFilter(prompt.before) }
            return
        case .enter:
            self.modal = nil
            self.accept(prompt)
            return
        case .backspace, .control("h"):
            if prompt.text.isEmpty {
                self.modal = nil
                return
            }
            prompt.text.removeLast()
            prompt.completion = nil
        case .control("u"):
            prompt.text = ""
            prompt.completion = nil
        case .tab, .backTab:
            if prompt.kind == .palette { Self.complete(&prompt, self.completions(for: prompt.text), key) }
        case .character(let character):
            prompt.text.append(character)
            prompt.completion = nil
        case .paste(let text):
            // One line of it, as it will be shown.
            let line = text.split(whereSeparator: \.isNewline).first ?? ""
            prompt.text += SafeText(line).description
            prompt.completion = nil
        default: break
        }
        self.modal = .prompt(prompt)
        if prompt.kind == .filter { self.setFilter(prompt.text) }
    }

    private func accept(_ prompt: Prompt) {
        switch prompt.kind {
        case .palette: self.run(command: prompt.text)
        case .search: if !prompt.text.isEmpty { self.search(prompt.text) }
        case .filter: self.setFilter(prompt.text)
        }
    }

    private static func complete(_ prompt: inout Prompt, _ found: [String], _ key: Key) {
        if prompt.completion == nil { prompt.completions = found }
        let all = prompt.completions
        guard !all.isEmpty else { return }
        let step = key == .backTab ? -1 : 1
        let next = prompt.completion.map { ($0 + step + all.count) % all.count } ?? 0
        prompt.completion = next
        prompt.text = all[next]
    }

    /// Commands that begin with, then those that hold, what was typed; after a space, arguments.
    func completions(for text: String) -> [String] {
        let words = text.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
        if words.count == 2, let command = Command.named(String(words[0])) {
            let arguments: [String] =
                switch command.verb {
                case .theme: self.options.themes.names
                case .node: self.nodes.map(\.entry.name)
                case .sort where self.place == .connections: ConnectionQuery.SortKey.allCases.map(\.rawValue)
                case .sort: QueueQuery.SortKey.allCases.map(\.rawValue)
                default: []
                }
            return arguments.filter { $0.hasPrefix(words[1]) }.map { "\(command.verb.rawValue) \($0)" }
        }
        let names = Command.table.filter { $0.places.contains(self.place) }.map(\.verb.rawValue).sorted()
        let first = names.filter { $0.hasPrefix(text) }
        return first + names.filter { !$0.hasPrefix(text) && $0.contains(text) }
    }

    private func pressDialog(_ key: Key, _ dialog: Dialog) {
        var dialog = dialog
        switch key {
        case .escape, .control("c"), "q":
            self.modal = nil
            self.say("nothing was done", .plain)
            return
        case .tab, .backTab, .left, .right, .up, .down: dialog.isOnVerb.toggle()
        case .character(let digit) where dialog.number != nil && (digit.isASCII && digit.isNumber || digit == ","):
            dialog.typed.append(digit)
            dialog.isOnVerb = dialog.isTyped
        case .backspace:
            if !dialog.typed.isEmpty { dialog.typed.removeLast() }
            dialog.isOnVerb = dialog.number != nil && dialog.isTyped
        case .enter:
            guard dialog.isOnVerb else {
                self.modal = nil
                self.say("nothing was done", .plain)
                return
            }
            guard dialog.isTyped else { break }
            self.modal = nil
            switch dialog.action {
            case .queue(let action, let targets): self.perform(action, on: targets)
            case .close(let session): self.close(session)
            }
            return
        default: break
        }
        self.modal = .dialog(dialog)
    }

    private func pressMenu(_ key: Key, _ menu: Menu) {
        var menu = menu
        switch key {
        case .escape, "q", .control("c"), .backspace:
            self.modal = nil
            return
        case .down, "j", .tab: menu.index = min(menu.index + 1, menu.items.count - 1)
        case .up, "k", .backTab: menu.index = max(0, menu.index - 1)
        case .home, "g": menu.index = 0
        case .end, "G": menu.index = menu.items.count - 1
        case .enter, "s", " ":
            self.modal = nil
            guard menu.items.indices.contains(menu.index) else { return }
            switch menu.kind {
            case .sort: self.setSort(menu.items[menu.index])
            case .theme: self.changeTheme(menu.items[menu.index])
            }
            return
        default: break
        }
        self.modal = .menu(menu)
        // Themes show at once, so that one is chosen by looking.
        if menu.kind == .theme, menu.items.indices.contains(menu.index) { self.changeTheme(menu.items[menu.index]) }
    }
}

extension Dialog {
    /// Whatever must be typed first is typed.
    var isTyped: Bool {
        guard let number = self.number else { return true }
        return Int(self.typed.filter { $0 != "," }) == number
    }
}
