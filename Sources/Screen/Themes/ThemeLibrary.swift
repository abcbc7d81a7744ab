public import Foundation

/// The themes there are: files of the folders given, the first that has a name wins, then those compiled in.
public struct ThemeLibrary: Sendable {
    public var searchPaths: [URL]
    public init(searchPaths: [URL] = []) { self.searchPaths = searchPaths }

    public struct Loaded: Sendable {
        public var theme: Theme
        /// Unknown keys, each with file and line.
        public var warnings: [String]
        /// Where it was read, in words.
        public var file: String
        /// Files that it was made of; none where it is compiled in.
        var paths: [String]
        /// As it was asked for.
        var name: String
        var watch: ThemeWatch { ThemeWatch(self.name, files: self.paths) }
        /// The lines on which its own file names roles.
        var lines: [Role: Int]
    }

    /// Names that `load` accepts, sorted, without duplicates.
    public var names: [String] {
        var names = Set(Self.builtin.keys)
        for folder in self.searchPaths {
            let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
            names.formUnion(files.filter { $0.hasSuffix(".toml") }.map { String($0.dropLast(5)) })
        }
        return names.sorted()
    }

    /// By name, or by path when `name` holds a slash. `dark+prod`: what `prod` says, over `dark`.
    public func load(_ name: String) throws(ThemeError) -> Loaded {
        guard !name.contains("/"), let plus = name.lastIndex(of: "+") else { return try self.load(name, under: []) }
        return try self.load(
            String(name[name.index(after: plus)...]), under: [], over: try self.load(String(name[..<plus])))
    }

    /// - Parameter below: instead of what its file inherits from.
    private func load(
        _ name: String, under children: [String], over below: Loaded? = nil
    ) throws(ThemeError) -> Loaded {
        let (file, text) = try self.text(name)
        guard !children.contains(name) else {
            throw ThemeError(
                file: file, key: "theme.inherits", reason: "the themes inherit from each other in a circle")
        }
        var parser = try ThemeParser(file: file, text: text)
        // What a file leaves out is as in `ansi`.
        let parent = parser.inherits ?? (name == "ansi" || children.contains("ansi") ? nil : "ansi")
        var base = below
        if base == nil, let parent { base = try self.load(parent, under: children + [name]) }
        var theme = try parser.theme(over: base?.theme)
        if let below { theme.name = "\(below.theme.name)+\(theme.name)" }
        if let below { theme.mode = below.theme.mode }
        return Loaded(
            theme: theme, warnings: (base?.warnings ?? []) + parser.warnings, file: file,
            paths: (base?.paths ?? []) + (file.hasPrefix("/") || name.contains("/") ? [file] : []),
            name: below.map { "\($0.name)+\(name)" } ?? name, lines: parser.lines)
    }

    private func text(_ name: String) throws(ThemeError) -> (file: String, text: String) {
        if name.contains("/") {
            guard let text = Self.read(name) else { throw ThemeError(file: name, reason: "cannot be read") }
            return (name, text)
        }
        for folder in self.searchPaths {
            let path = folder.appendingPathComponent(name + ".toml").path
            if let text = Self.read(path) { return (path, text) }
        }
        if let text = Self.builtin[name] { return ("\(name) (built in)", text) }
        throw ThemeError(file: name, reason: "no such theme; there are \(self.names.joined(separator: ", "))")
    }

    private static func read(_ path: String) -> String? {
        guard let file = FileHandle(forReadingAtPath: path) else { return nil }
        defer { try? file.close() }
        guard let data = try? file.read(upToCount: ThemeParser.octetsLimit + 1) else { return nil }
        return String(decoding: data, as: UTF8.self)
    }

    /// `ansi` or `mono` as compiled in; they need no files.
    public static func builtin(_ name: BuiltinName) -> Theme {
        guard let loaded = try? ThemeLibrary().load(name.rawValue) else {
            preconditionFailure("the theme \(name.rawValue), compiled in, cannot be read")
        }
        return loaded.theme
    }
    public enum BuiltinName: String, Sendable { case ansi, mono }
}
