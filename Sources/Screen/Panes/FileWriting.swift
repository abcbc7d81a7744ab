import Monitor
import Synchronization

/// How a screen writes a file: where it is, and then its content, piece by piece, until there is none.
///
/// A file that is there is never written over.
public typealias FileWriting =
    @Sendable (_ path: String, _ next: @Sendable () async throws -> [UInt8]?) async throws -> Void

extension Pane {
    /// Writes a file beside the keys, and says where it is or why it is not.
    func write(
        _ path: String, _ around: Surroundings, next: @escaping @Sendable () -> (@Sendable () async throws -> [UInt8]?)
    ) -> [Effect] {
        guard let write = around.write else { return [.say("this screen writes no files", .warning)] }
        return [
            .read(
                Read(
                    self.key("write"), isInstead: true, begin: { { try await write(path, next()) } },
                    take: { (_: Void, _) in [.say("written: \(SafeText(path))", .ok)] },
                    failed: { [.say($0, .failure)] }))
        ]
    }

    /// Asks where to, with a name that holds nothing of what came over the network but letters and digits.
    func askWhere(_ command: Command, _ name: String, _ ending: String) -> Effect {
        let safe = name.unicodeScalars.map {
            $0.isASCII && ($0.properties.isAlphabetic || ("0"..."9").contains($0)) ? Character($0) : "-"
        }
        let text = "\(String(safe.prefix(40)))\(ending)"
        return .ask(
            Prompt(
                sign: "write to: ", text: text, hints: Run.hint("Enter", "write") + Run.hint("Esc", "cancel"),
                accepted: { $0.isEmpty ? [] : [.run("\(command.name) \($0)")] }))
    }
}

/// What goes into a file, piece by piece.
enum FilePieces {
    private static let pieceOctets = 256 << 10

    static func text(_ text: String) -> @Sendable () async throws -> [UInt8]? {
        let rest = Mutex<String?>(text)
        return {
            rest.withLock { rest in
                defer { rest = nil }
                return rest.map { Array($0.utf8) }
            }
        }
    }

    /// A message as it is kept.
    static func message(_ ref: MessageRef, of feed: any MonitorFeed) -> @Sendable () async throws -> [UInt8]? {
        let next = Mutex<Int?>(0)
        return {
            guard let offset = next.withLock({ $0 }) else { return nil }
            guard let page = try await feed.content(of: ref, from: offset, count: Self.pieceOctets) else {
                throw FeedError(.gone, "the content of \(ref.id) is no longer kept")
            }
            next.withLock { $0 = page.next }
            return Array(page.octets)
        }
    }
}
