import ArgumentParser
import Monitor

/// What somebody has to agree to before it is done.
struct Confirmation {
    /// More recipients or messages than this are never touched without it.
    static let askAbove = 20

    /// The lines that say what would be touched.
    let lines: [String]
    /// What has to be typed: the number of what is many, else `y`.
    private let answer: String
    private let isNeeded: Bool

    init(_ lines: [String], recipients: Int, messages: Int, isIrreversible: Bool = false) {
        let isLarge = recipients > Self.askAbove || messages > Self.askAbove
        self.lines = lines
        self.answer = isLarge ? "\(recipients)" : "y"
        self.isNeeded = isLarge || isIrreversible
    }

    /// - Parameter isGiven: by `--yes`.
    /// - Returns: whether somebody was asked.
    /// - Throws: where nobody can be asked, and when somebody does not agree.
    @discardableResult
    func get(_ output: Output, isGiven: Bool) throws -> Bool {
        guard self.isNeeded, !isGiven else { return false }
        guard output.isInteractive else {
            throw Failure("\(self.lines[0]): nothing was done: add --yes to have it done, or --dry-run to see more")
        }
        for line in self.lines { output.say(line) }
        let question = self.answer == "y" ? "Go on? [y/N]" : "Type \(self.answer) to go on:"
        let typed = output.ask(question)?.filter { $0 != "," && $0 != " " }
        guard typed == self.answer || (self.answer == "y" && typed?.lowercased() == "yes") else {
            throw Failure("nothing was done")
        }
        return true
    }
}
