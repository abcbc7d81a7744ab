import ArgumentParser
import Glibc
import SASL

struct PasswdCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "passwd", abstract: "Give a user a password, or take the user out.",
        discussion: """
            Writes the line of NAME in the users file, which keeps SCRAM-SHA-256 hashes and no passwords. Asks twice on \
            a terminal; otherwise reads one line from standard input. A running relay reads the file again on SIGHUP.

            EXAMPLES
              hoptop passwd --users /etc/hoptop/users ann@example.net
              hoptop passwd --users /etc/hoptop/users printer < password.txt
              hoptop passwd --users /etc/hoptop/users --delete ann@example.net
            """)

    @Option(help: ArgumentHelp("The users file; made when there is none.", valueName: "file"), completion: .file())
    var users: String
    @Flag(help: "Take the user out.")
    var delete = false
    @Option(
        help: ArgumentHelp(
            """
            Rounds of hashing, \(StoredPassword.allowedIterations.lowerBound) to \
            \(StoredPassword.allowedIterations.upperBound). The relay pays them for each login with PLAIN or LOGIN.
            """, valueName: "number"))
    var iterations = StoredPassword.defaultIterations
    @Argument(help: ArgumentHelp("The user, as the client says it.", valueName: "name"))
    var name: String

    func validate() throws {
        let allowed = StoredPassword.allowedIterations
        guard allowed.contains(self.iterations) else {
            throw ValidationError("--iterations takes \(allowed.lowerBound) to \(allowed.upperBound)")
        }
    }

    func run() throws {
        guard let name = PreparedString(self.name) else {
            throw Failure("the name is empty or has characters that cannot be told apart or typed")
        }
        if let mistake = UsersFile.mistake(inName: name) { throw Failure("\(name.text): \(mistake)") }
        if self.delete {
            try UsersFileWriter.change(self.users) { file throws(Failure) in
                guard file.contains(name) else { throw Failure("\(self.users) has no user \(name.text)") }
                return file.text(replacing: name, with: nil)
            }
        } else {
            let password = try Self.password(for: name)
            var generator = SystemRandomNumberGenerator()
            let stored = StoredPassword(password, iterations: self.iterations, using: &generator)
            try UsersFileWriter.change(self.users) { file in file.text(replacing: name, with: stored) }
        }
    }

    private static func password(for name: PreparedString) throws(Failure) -> PreparedString {
        let text: String
        if isatty(STDIN_FILENO) == 1 {
            text = try SecretPrompt.ask("Password for \(name.text): ")
            guard try SecretPrompt.ask("The same again: ") == text else {
                throw Failure("the two passwords differ; nothing was changed")
            }
        } else {
            guard let line = readLine(strippingNewline: true) else {
                throw Failure("no password on standard input; nothing was changed")
            }
            text = line
        }
        guard let password = PreparedString(text), text.utf8.count <= Credentials.passwordOctets else {
            throw Failure(
                "a password has 1 to \(Credentials.passwordOctets) octets and no control characters; nothing was changed"
            )
        }
        return password
    }
}

/// Asks for a line that does not show on the terminal.
enum SecretPrompt {
    /// Ctrl-C and Ctrl-\ end the line here instead of the program, so that echo always comes back.
    private static let interrupt = UInt8(3)
    private static let quit = UInt8(28)

    static func ask(_ prompt: String) throws(Failure) -> String {
        var shown = termios()
        guard tcgetattr(STDIN_FILENO, &shown) == 0 else { throw Failure("the terminal cannot be read") }
        var hidden = shown
        hidden.c_lflag &= ~tcflag_t(ECHO | ISIG)
        withUnsafeMutableBytes(of: &hidden.c_cc) { characters in
            characters[Int(VEOL)] = Self.interrupt
            characters[Int(VEOL2)] = Self.quit
        }
        guard tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden) == 0 else {
            throw Failure("the terminal cannot hide the password; pipe it to standard input instead")
        }
        defer {
            tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown)
            writeToStandardError("\n")
        }
        writeToStandardError(prompt)
        let line = Self.line()
        guard let last = line.last, last != Self.interrupt, last != Self.quit else {
            throw Failure("interrupted; nothing was changed")
        }
        guard let text = String(validating: last == UInt8(ascii: "\n") ? line.dropLast() : line[...], as: UTF8.self)
        else { throw Failure("the password is not UTF-8; nothing was changed") }
        return text
    }

    /// Up to and with its end; empty at the end of input.
    private static func line() -> [UInt8] {
        var line: [UInt8] = []
        var octet = UInt8(0)
        while read(STDIN_FILENO, &octet, 1) == 1 {
            line.append(octet)
            if octet == UInt8(ascii: "\n") || octet == Self.interrupt || octet == Self.quit { break }
        }
        return line
    }
}
