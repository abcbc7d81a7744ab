/// The text of a users file: a line `name:SCRAM-SHA-256$…` for each user, empty lines, and comments with `#` in front.
/// Made and changed by `hoptop passwd`.
public struct UsersFile {
    let users: [Users.Entry]
    private let lines: [Substring]

    /// - Throws: Every mistake, with its line.
    public init(text: String, file: String) throws(UsersFileError) {
        var users: [Users.Entry] = []
        var places: [String: Int] = [:]
        var mistakes: [UsersFileError.Mistake] = []
        self.lines = Self.lines(of: text)
        for (index, line) in self.lines.enumerated() {
            do throws(Reason) {
                guard let user = try Self.user(line) else { continue }
                if let place = places.updateValue(index + 1, forKey: Self.key(of: user.name)) {
                    throw Reason("\(user.name) is a user already in line \(place) (case aside); keep one line")
                }
                users.append(user)
            } catch {
                mistakes.append(.init(file: file, line: index + 1, reason: error.text))
            }
        }
        guard mistakes.isEmpty else { throw UsersFileError(mistakes: mistakes) }
        self.users = users
    }

    /// The text with `name`'s line in place of the old one or at the end; without it for `nil`. Other lines stay as
    /// they are.
    public func text(replacing name: PreparedString, with password: StoredPassword?) -> String {
        var lines = self.lines
        let new = password.map { Substring("\(name.text):\($0.text)") }
        if let index = self.index(of: name) {
            lines.replaceSubrange(index...index, with: new.map { [$0] } ?? [])
        } else if let new {
            lines.append(new)
        }
        return lines.map { $0 + "\n" }.joined()
    }

    public func contains(_ name: PreparedString) -> Bool { self.index(of: name) != nil }

    /// Why `name` cannot be in a users file; `nil` when it can.
    public static func mistake(inName name: PreparedString) -> String? {
        let text = name.text
        if text.utf8.count > Credentials.userOctets { return "a name has \(Credentials.userOctets) octets at most" }
        if text.contains(":") { return "a name has no colon" }
        if text.hasPrefix("#") { return "a name does not begin with #" }
        if text.hasPrefix(" ") || text.hasSuffix(" ") { return "a name does not begin or end with a space" }
        return nil
    }

    /// What names are compared by.
    static func key(of name: String) -> String { name.lowercased() }

    private func index(of name: PreparedString) -> Int? {
        self.lines.firstIndex { line in
            (try? Self.user(line)).flatMap { $0 }.map { Self.key(of: $0.name) } == Self.key(of: name.text)
        }
    }

    private struct Reason: Error {
        let text: String
        init(_ text: String) { self.text = text }
    }

    /// `nil` for a line without a user.
    private static func user(_ line: Substring) throws(Reason) -> Users.Entry? {
        guard !line.hasPrefix("#"), !line.allSatisfy({ $0 == " " || $0 == "\t" }) else { return nil }
        guard let colon = line.firstIndex(of: ":") else {
            throw Reason("not name:password; take the line out and make it with hoptop passwd")
        }
        guard let name = PreparedString(String(line[..<colon])), name.text == line[..<colon] else {
            throw Reason("the name is empty or has characters that cannot be told apart or typed")
        }
        if let mistake = self.mistake(inName: name) { throw Reason(mistake) }
        do throws(StoredPasswordError) {
            return .init(name: name.text, password: try StoredPassword(text: line[line.index(after: colon)...]))
        } catch {
            throw Reason("\(name.text): \(error)")
        }
    }

    /// Lines end with LF or CRLF, the last perhaps with neither.
    private static func lines(of text: String) -> [Substring] {
        // Of scalars, since CRLF is one Character.
        var lines = text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false)
            .map { Substring($0.last == "\r" ? $0.dropLast() : $0) }
        if lines.last?.isEmpty == true { lines.removeLast() }
        return lines
    }
}

/// Mistakes in a users file, a line for each: file, line, what is wrong, what is allowed. No part of a password.
public struct UsersFileError: Error, Equatable, CustomStringConvertible {
    public struct Mistake: Equatable, Sendable, CustomStringConvertible {
        public var file: String
        public var line: Int
        public var reason: String
        public var description: String { "\(self.file):\(self.line): \(self.reason)" }
    }
    public var mistakes: [Mistake]
    public var description: String { self.mistakes.map(\.description).joined(separator: "\n") }
}
