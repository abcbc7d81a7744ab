/// Who may log in, with what a server keeps of each password.
///
/// Names are compared without regard to case, as Dovecot and Postfix do by default (`auth_username_format`,
/// `smtpd_sender_login_maps`): a user who is let in with `ann` is not refused with `Ann`.
public struct Users: Sendable {
    private let entries: [String: Entry]
    private let decoyKey: [UInt8]
    private let decoyIterations: Int

    struct Entry: Sendable {
        var name: String
        var password: StoredPassword
    }

    /// - Parameters:
    ///   - text: A users file; see ``UsersFile``.
    ///   - file: Its name, for errors.
    ///   - decoyKey: 32 random octets. The salts of users who do not exist come out of it, so it stays the same when
    ///     the file is read again: a salt that changes is one that nobody has.
    public init(text: String, file: String, decoyKey: [UInt8]) throws(UsersFileError) {
        let users = try UsersFile(text: text, file: file).users
        self.entries = Dictionary(uniqueKeysWithValues: users.map { (UsersFile.key(of: $0.name), $0) })
        self.decoyKey = decoyKey
        // The number that most have, so that a decoy does not stand out by it.
        let counts = Dictionary(users.map { ($0.password.iterations, 1) }, uniquingKeysWith: +)
        self.decoyIterations =
            counts.max { ($0.value, $0.key) < ($1.value, $1.key) }?.key ?? StoredPassword.defaultIterations
    }

    public var count: Int { self.entries.count }

    /// Whether these are a user's name and password.
    ///
    /// - Returns: The user's name as the file has it; `nil` for a wrong password and, after the same work, for an
    ///   unknown user. Costs the rounds of the entry: milliseconds, not for an event loop.
    public func user(for credentials: Credentials) -> String? {
        let (name, stored) = self.entry(for: credentials.user)
        guard let password = PreparedString(credentials.password) else { return nil }
        return stored.matches(password) ? name : nil
    }

    /// The user's entry; for an unknown one a decoy that no password fits.
    func entry(for name: String) -> (name: String, password: StoredPassword) {
        let key = PreparedString(name).map { UsersFile.key(of: $0.text) } ?? name
        if let entry = self.entries[key] { return (entry.name, entry.password) }
        return (name, .decoy(for: key, key: self.decoyKey, iterations: self.decoyIterations))
    }
}
