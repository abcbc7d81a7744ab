import Foundation
import Glibc
import Mail
import Monitor
import Screen

/// Where a command writes what it found: lines for people, coloured on a terminal alone, or JSON for programs.
struct Output: Sendable {
    let paper: Paper
    /// Somebody is there who can be asked.
    let isInteractive: Bool
    private let styles: LineStyles
    private let errorStyles: LineStyles
    private let write: @Sendable (String) -> Void
    private let tell: @Sendable (String) -> Void
    private let read: @Sendable () -> String?

    /// - Parameters:
    ///   - write: to standard output, and whole lines only.
    ///   - tell: what is no result: to standard error.
    ///   - read: a line that somebody typed, without its end.
    init(
        paper: Paper, styles: LineStyles = .none, errorStyles: LineStyles = .none, isInteractive: Bool = false,
        write: @escaping @Sendable (String) -> Void,
        tell: @escaping @Sendable (String) -> Void = { _ in },
        read: @escaping @Sendable () -> String? = { nil }
    ) {
        self.paper = paper
        self.styles = styles
        self.errorStyles = errorStyles
        self.isInteractive = isInteractive
        self.write = write
        self.tell = tell
        self.read = read
    }

    /// The program's own standard output and error.
    static var standard: Output { .standard(at: .now) }

    /// - Parameter now: the time of what is printed, from which ages are told.
    static func standard(at now: Timestamp) -> Output {
        let environment = ProcessInfo.processInfo.environment
        let isTerminal = isatty(STDOUT_FILENO) == 1
        return Output(
            paper: Paper(columns: isTerminal ? Self.columns(environment) : nil, now: now, isASCII: !Self.isUnicode),
            styles: isTerminal ? LineStyles(environment) : .none,
            errorStyles: isatty(STDERR_FILENO) == 1 ? LineStyles(environment) : .none,
            isInteractive: isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1,
            write: { Self.write($0, to: STDOUT_FILENO) }, tell: { writeToStandardError($0) },
            read: { readLine(strippingNewline: true) })
    }

    /// The same, in the colours of another theme where it has any.
    func themed(_ theme: Theme) -> Output {
        Output(
            paper: self.paper, styles: self.styles.themed(theme), errorStyles: self.errorStyles,
            isInteractive: self.isInteractive, write: self.write, tell: self.tell, read: self.read)
    }

    // MARK: results

    func lines(_ lines: [[Run]]) {
        guard !lines.isEmpty else { return }
        self.write(lines.map { self.styles.text(of: $0) + "\n" }.joined())
    }
    func line(_ words: String, _ role: Role = .base) { self.lines([[Run(words, role)]]) }

    /// One document.
    func json(_ value: some Encodable) throws {
        self.write(String(decoding: try SafeJSON.encode(value, isPretty: true), as: UTF8.self) + "\n")
    }
    /// Part of a document; the caller writes what stands around it.
    func json(part: String) { self.write(part) }

    // MARK: beside the results

    func say(_ words: String) { self.tell("\(SafeText(words))\n") }

    /// What went wrong, in lines; red on a terminal.
    func complain(_ lines: [String]) {
        for line in lines { self.tell(self.errorStyles.text(of: [Run(line, .failed)]) + "\n") }
    }

    /// - Returns: what somebody types; `nil`: nobody does.
    func ask(_ question: String) -> String? {
        guard self.isInteractive else { return nil }
        self.tell("\(SafeText(question)) ")
        return self.read()
    }

    // MARK: the terminal

    private static func columns(_ environment: [String: String]) -> Int {
        var size = winsize()
        if ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 { return Int(size.ws_col) }
        return environment["COLUMNS"].flatMap { Int($0) }.map { max($0, 20) } ?? 80
    }

    private static var isUnicode: Bool {
        setlocale(LC_CTYPE, "")
        return nl_langinfo(Int32(CODESET)).map { String(cString: $0) } == "UTF-8"
    }

    /// A reader that has seen enough, as `head` has, ends the program as it ends others.
    private static func write(_ text: String, to descriptor: Int32) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EPIPE {
                signal(SIGPIPE, SIG_DFL)
                raise(SIGPIPE)
            }
            guard count > 0 else {
                writeToStandardError("hoptop: nothing can be written: \(String(cString: strerror(errno)))\n")
                Glibc.exit(CommandStatus.failed.rawValue)
            }
            rest = rest.dropFirst(count)
        }
    }
}
