import Monitor
import TOMLKit

/// A theme file that cannot be used: which file, line and key, and why.
public struct ThemeError: Error, Hashable, Sendable, CustomStringConvertible {
    public var file: String
    public var line: Int?
    public var key: String?
    public var reason: String

    public var description: String {
        let place = self.file + (self.line.map { ":\($0)" } ?? "")
        return "\(place): \(self.key.map { "\($0): " } ?? "")\(self.reason)"
    }
}

/// Reads one theme file onto the theme it inherits from.
struct ThemeParser {
    static let octetsLimit = 64 * 1024
    private let file: String
    private let source: [Substring]
    private let root: TOMLTable
    private var palette: [String: ThemeColour] = [:]
    /// Keys that mean nothing, with their lines.
    private(set) var warnings: [String] = []

    init(file: String, text: String) throws(ThemeError) {
        self.file = file
        self.source = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard text.utf8.count <= Self.octetsLimit else {
            throw ThemeError(file: file, reason: "is larger than 64 KiB")
        }
        do {
            self.root = try TOMLTable(string: text)
        } catch let error as TOMLParseError {
            throw ThemeError(file: file, line: error.source.begin.line, reason: SafeText(error.description).description)
        } catch {
            throw ThemeError(file: file, reason: "is not TOML")
        }
        guard self.root["theme"]?.table?["format"]?.int == 1 else {
            throw self.error("theme", "format", "must be 1")
        }
    }

    /// The parent's name; `nil` for none.
    var inherits: String? { self.root["theme"]?.table?["inherits"]?.string }

    mutating func theme(over parent: Theme?) throws(ThemeError) -> Theme {
        var theme = parent ?? Theme(name: "")
        try self.readHead(&theme)
        try self.readPalette()
        for section in ["ui", "state", "wire", "hop", "graph"] { try self.readLooks(section, &theme) }
        try self.readGlyphs(&theme)
        for section in self.root.keys
        where !["theme", "palette", "ui", "state", "wire", "hop", "graph", "glyphs"].contains(section) {
            self.warn(section, nil, "is not a section of a theme")
        }
        return theme
    }

    private mutating func readHead(_ theme: inout Theme) throws(ThemeError) {
        guard let head = self.root["theme"]?.table else { return }
        guard let name = head["name"]?.string, !name.isEmpty else { throw self.error("theme", "name", "is missing") }
        theme.name = name
        if let mode = head["mode"] {
            guard let known = mode.string.flatMap(Theme.Mode.init(rawValue:)) else {
                throw self.error("theme", "mode", "must be dark, light or any")
            }
            theme.mode = known
        }
        if let badge = head["env"]?.string { theme.badge = badge }
        if let least = head["min_contrast"] {
            guard let ratio = least.double ?? least.int.map(Double.init), (1...21).contains(ratio) else {
                throw self.error("theme", "min_contrast", "must be 1 to 21, such as 4.5")
            }
            theme.minContrast = ratio
        }
        for key in head.keys where !["format", "name", "mode", "inherits", "env", "min_contrast"].contains(key) {
            self.warn("theme", key, "is not known")
        }
    }

    private mutating func readPalette() throws(ThemeError) {
        guard let palette = self.root["palette"]?.table else { return }
        for key in palette.keys.sorted() {
            if let text = palette[key]?.string {
                guard let colour = ThemeColour(text) else {
                    throw self.error("palette", key, "\(text) is no colour")
                }
                self.palette[key] = colour
            } else if let table = palette[key]?.table {
                var colour = ThemeColour()
                if let text = table["rgb"] {
                    guard let value = text.string.flatMap(ThemeColour.init)?.rgb else {
                        throw self.error("palette", key, "rgb must be #rrggbb")
                    }
                    colour.rgb = value
                }
                if let index = table["x"] {
                    guard let value = index.int, let small = UInt8(exactly: value) else {
                        throw self.error("palette", key, "x must be 0 to 255")
                    }
                    colour.indexed = small
                }
                if let name = table["ansi"] {
                    guard let value = name.string.flatMap(ThemeColour.init)?.ansi else {
                        throw self.error("palette", key, "ansi must be the name of one of the sixteen")
                    }
                    colour.ansi = value
                }
                self.palette[key] = colour
            } else {
                throw self.error("palette", key, "must be a colour")
            }
        }
    }

    private func colour(_ text: String, _ section: String, _ key: String) throws(ThemeError) -> ThemeColour {
        if let colour = self.palette[text] ?? ThemeColour(text) { return colour }
        throw self.error(section, key, "\(text) is neither in the palette nor a colour")
    }

    private mutating func readLooks(_ section: String, _ theme: inout Theme) throws(ThemeError) {
        guard let table = self.root[section]?.table else { return }
        for key in table.keys.sorted() {
            if section == "graph", key == "ramp" {
                guard let ramp = table[key]?.array, let low = ramp.first?.string,
                    let high = ramp[ramp.count - 1].string
                else { throw self.error(section, key, "must be a list of colours") }
                theme.looks[.graphLow] = Theme.Look(foreground: try self.colour(low, section, key))
                theme.looks[.graphHigh] = Theme.Look(foreground: try self.colour(high, section, key))
                continue
            }
            guard let role = Role(rawValue: section + "." + key) else {
                self.warn(section, key, "is no role")
                continue
            }
            var look = Theme.Look()
            if let text = table[key]?.string {
                look.foreground = try self.colour(text, section, key)
            } else if let parts = table[key]?.table {
                if let text = parts["fg"]?.string { look.foreground = try self.colour(text, section, key) }
                if let text = parts["bg"]?.string { look.background = try self.colour(text, section, key) }
                look.attributes = try self.attributes(parts["attr"]?.array, section, key) ?? []
                look.mono = try self.attributes(parts["mono"]?.array, section, key)
            } else {
                throw self.error(section, key, "must be a colour or a table of fg, bg, attr, mono")
            }
            theme.looks[role] = look
        }
    }

    private func attributes(
        _ names: TOMLArray?, _ section: String, _ key: String
    ) throws(ThemeError) -> Attributes? {
        guard let names else { return nil }
        var attributes: Attributes = []
        for name in names {
            guard let known = name.string.flatMap({ Attributes.names[$0] }) else {
                throw self.error(section, key, "attributes are bold, dim, italic, underline and reverse")
            }
            attributes.formUnion(known)
        }
        return attributes
    }

    private mutating func readGlyphs(_ theme: inout Theme) throws(ThemeError) {
        guard let table = self.root["glyphs"]?.table else { return }
        for key in table.keys.sorted() {
            guard let glyph = Glyph(rawValue: key) else {
                self.warn("glyphs", key, "is no glyph")
                continue
            }
            guard let unicode = table[key]?.table?["u"]?.string, let ascii = table[key]?.table?["a"]?.string else {
                throw self.error("glyphs", key, "needs u and its ASCII twin a")
            }
            let count = glyph == .spark ? 8 : 1
            let cells = SafeText(unicode).cells
            guard cells.count == count, cells.allSatisfy({ $0.width == 1 && !$0.isEscape }),
                ascii.utf8.count == count, ascii.utf8.allSatisfy({ 0x21...0x7E ~= $0 })
            else { throw self.error("glyphs", key, "must be \(count) printable characters of one column") }
            theme.glyphs[glyph] = GlyphPair(unicode: unicode, ascii: ascii)
        }
    }

    // MARK: Where things stand in the file

    /// The lines on which the file names roles.
    var lines: [Role: Int] {
        Role.allCases.reduce(into: [:]) { lines, role in
            let parts = role.rawValue.split(separator: ".", maxSplits: 1).map(String.init)
            let key = parts[1].hasPrefix("ramp.") ? "ramp" : parts[1]
            guard self.root[parts[0]]?.table?[key] != nil else { return }
            lines[role] = self.line(parts[0], key)
        }
    }

    private func line(_ section: String, _ key: String?) -> Int? {
        var inSection = false
        for (number, line) in self.source.enumerated() {
            let words = line.drop { $0 == " " || $0 == "\t" }
            if words.hasPrefix("[") {
                inSection = words.hasPrefix("[\(section)]")
                if inSection, key == nil { return number + 1 }
            } else if inSection, let key, words.prefix(while: { $0 != "=" && $0 != " " }) == key {
                return number + 1
            }
        }
        return key == nil ? nil : self.line(section, nil)
    }
    private func error(_ section: String, _ key: String, _ reason: String) -> ThemeError {
        ThemeError(
            file: self.file, line: self.line(section, key), key: "\(section).\(key)",
            reason: SafeText(reason).description)
    }
    private mutating func warn(_ section: String, _ key: String?, _ reason: String) {
        let name = SafeText(key.map { "\(section).\($0)" } ?? section).description
        let line = self.line(section, key).map { ":\($0)" } ?? ""
        self.warnings.append("\(self.file)\(line): \(name): \(reason)")
    }
}
