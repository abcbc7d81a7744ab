import Crypto
import Foundation

/// The tokens by which programs and people elsewhere are known. The file of them has a line for each, `NAME ROLE HASH`, and
/// keeps no token: the hash is the SHA-256 of it in hexadecimal. A token is random, so that a hash needs no salt.
public struct ControlTokens: Hashable, Sendable {
    private struct Entry: Hashable, Sendable {
        var visitor: ControlVisitor
        var hash: [UInt8]
    }
    private var entries: [Entry] = []

    public init() {}

    /// Reads a file of them; empty lines, and those that begin with `#`, say nothing.
    ///
    /// - Throws: for the first line that is not understood, by its number.
    public init(text: String) throws(ControlTokensError) {
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let words = line.split { $0 == " " || $0 == "\t" || $0 == "\r" }
            guard let first = words.first, !first.hasPrefix("#") else { continue }
            guard words.count == 3, let role = ControlRoute.Role(rawValue: String(words[1])),
                let hash = Self.octets(words[2]), hash.count == SHA256.byteCount, Self.isName(String(first))
            else { throw ControlTokensError(line: index + 1, reason: "a line is NAME observer|operator HASH") }
            guard !self.names.contains(String(first)) else {
                throw ControlTokensError(line: index + 1, reason: "\(first) has a token already")
            }
            self.entries.append(Entry(visitor: ControlVisitor(name: String(first), role: role), hash: hash))
        }
    }

    public var names: [String] { self.entries.map(\.visitor.name) }

    /// A new token, and the line for it.
    ///
    /// - Parameter name: one that ``isName(_:)``.
    public static func make(
        _ name: String, role: ControlRoute.Role, using generator: inout some RandomNumberGenerator
    ) -> (token: String, line: String) {
        let octets = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        let token = Data(octets).base64EncodedString()
            .replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
        let hash = self.hash(token).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        return (token, "\(name) \(role.rawValue) \(hash)\n")
    }

    /// A file without the line of that name.
    public static func text(_ text: String, without name: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false)
            .filter { $0.split { $0 == " " || $0 == "\t" }.first.map(String.init) != name }
            .joined(separator: "\n")
    }

    /// Letters, digits, and `.`, `_`, `-`, `@`; 64 at most: it stands in facts and logs.
    public static func isName(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { octet in
                switch octet {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"),
                    UInt8(ascii: "@"):
                    true
                default: false
                }
            }
    }

    /// Takes the same time for every token, whichever and however much of it is right.
    func visitor(_ token: String) -> ControlVisitor? {
        let hash = Self.hash(token)
        var found: ControlVisitor?
        for entry in self.entries {
            let difference = zip(entry.hash, hash).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) }
            if difference == 0 { found = entry.visitor }
        }
        return found
    }

    private static func hash(_ token: String) -> [UInt8] { Array(SHA256.hash(data: Data(token.utf8))) }

    private static func octets(_ digits: Substring) -> [UInt8]? {
        let digits = Array(digits.utf8)
        guard digits.count % 2 == 0, !digits.contains(UInt8(ascii: "+")), !digits.contains(UInt8(ascii: "-")) else {
            return nil
        }
        let octets = stride(from: 0, to: digits.count, by: 2).compactMap { place in
            UInt8(String(decoding: digits[place..<place + 2], as: UTF8.self), radix: 16)
        }
        return octets.count * 2 == digits.count ? octets : nil
    }
}

/// What is wrong with a file of tokens.
public struct ControlTokensError: Error, Hashable, CustomStringConvertible {
    public var line: Int
    public var reason: String
    public var description: String { "line \(self.line): \(self.reason)" }
}
