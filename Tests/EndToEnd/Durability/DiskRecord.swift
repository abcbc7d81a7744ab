import Foundation

/// What a program did to its files, and when it said that mail is safe, in order: a record of Tests/DiskRecorder.
struct DiskRecord {
    enum Event {
        /// A process: it has no file open.
        case started
        case opened(file: Int32, path: String)
        case wrote(file: Int32, offset: Int, octets: ArraySlice<UInt8>)
        case truncated(file: Int32, octets: Int)
        case synced(file: Int32)
        case renamed(path: String, to: String)
        case unlinked(path: String)
        case madeDirectory(path: String)
        /// A final 250 is about to go out.
        case acknowledged(queueID: String)

        var isSync: Bool { if case .synced = self { true } else { false } }
    }

    private(set) var events: [Event] = []

    /// - Parameter path: of a record whose program has ended.
    init(contentsOf path: String) throws {
        var rest = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))[...]
        func number<Number: FixedWidthInteger>(_: Number.Type) -> Number {
            defer { rest = rest.dropFirst(MemoryLayout<Number>.size) }
            return rest.withUnsafeBytes { $0.loadUnaligned(as: Number.self) }
        }
        // The layout is that of `struct disk_record`.
        while rest.count >= 24 {
            let kind = Character(Unicode.Scalar(UInt8(truncatingIfNeeded: number(UInt32.self))))
            let file = number(Int32.self)
            let offset = Int(number(UInt64.self))
            let count = Int(number(UInt64.self))
            let octets = rest.prefix(count)
            rest = rest.dropFirst(count)
            self.events.append(try Self.event(kind, file, offset, octets))
        }
    }

    private static func event(
        _ kind: Character, _ file: Int32, _ offset: Int, _ octets: ArraySlice<UInt8>
    ) throws -> Event {
        var text: String { String(decoding: octets, as: UTF8.self) }
        switch kind {
        case "S": return .started
        case "O": return .opened(file: file, path: text)
        case "W": return .wrote(file: file, offset: offset, octets: octets)
        case "T": return .truncated(file: file, octets: offset)
        case "Y": return .synced(file: file)
        case "R":
            let paths = text.split(separator: "\n").map(String.init)
            return .renamed(path: paths[0], to: paths[1])
        case "U": return .unlinked(path: text)
        case "M": return .madeDirectory(path: text)
        case "A": return .acknowledged(queueID: text)
        default: throw UnreadableRecord(kind: kind)
        }
    }

    struct UnreadableRecord: Error { var kind: Character }
}
