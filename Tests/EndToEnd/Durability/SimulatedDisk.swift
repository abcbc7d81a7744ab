import Foundation
import SeededRandom

@testable import hoptop

/// A disk that a record is played on, and that tells what a power cut could leave of it.
///
/// It promises as little as POSIX does. What a sync covered stays. Everything else is kept, lost, or, where it is a write,
/// torn between sectors, each for itself. The sync of a file does not keep its name: that is its folder's, and a rename is a
/// name that comes and a name that goes.
struct SimulatedDisk {
    private let root: String
    private let top: Node
    private var open: [Int32: Node] = [:]
    private let ignoresSync: (String) -> Bool

    /// - Parameters:
    ///   - root: the folder that was recorded; it is there from the start.
    ///   - folder: what the root held at the start, if anything.
    ///   - ignoresSync: of which paths, relative to the root, a sync does nothing.
    init(
        root: String, holding folder: String? = nil,
        ignoringSyncs ignoresSync: @escaping (String) -> Bool = { _ in false }
    ) throws {
        self.root = root
        self.top = try folder.map { try Node("", storedAt: $0) } ?? Node.folder("")
        self.ignoresSync = ignoresSync
    }

    struct Unexpected: Error { var event: String }

    mutating func play(_ event: DiskRecord.Event) throws {
        switch event {
        case .started: self.open = [:]
        case .opened(let file, let path): self.open[file] = try self.opened(path)
        case .wrote(let file, let offset, let octets):
            try self.node(file).unsynced.append(.write(octets, offset: offset))
        case .truncated(let file, let count): try self.node(file).unsynced.append(.truncate(octets: count))
        case .synced(let file):
            let node = try self.node(file)
            if !self.ignoresSync(node.path) { node.sync() }
        case .renamed(let path, let target):
            let (folder, name) = try self.place(path)
            let (targetFolder, targetName) = try self.place(target)
            guard let node = folder.entries[name] else { throw Unexpected(event: "rename of \(path)") }
            targetFolder.set(targetName, node)
            folder.set(name, nil)
        case .unlinked(let path):
            let (folder, name) = try self.place(path)
            folder.set(name, nil)
        case .madeDirectory(let path):
            let (folder, name) = try self.place(path)
            folder.set(name, Node.folder(self.relative(path)))
        case .acknowledged: break
        }
    }

    /// What syncs had covered, if power failed now, and of the rest what luck leaves.
    ///
    /// - Parameter folder: made for it.
    func write(to folder: String, _ luck: Luck, using random: inout SeededGenerator) throws {
        try self.top.write(to: folder, luck, using: &random)
    }

    /// As the program sees it: the octets of each file, by its path relative to the root.
    var files: [String: [UInt8]] {
        var files: [String: [UInt8]] = [:]
        var waiting = [self.top]
        while let folder = waiting.popLast() {
            for node in folder.entries.values {
                if node.isFolder { waiting.append(node) } else { files[node.path] = node.whole.octets }
            }
        }
        return files
    }

    // MARK: names

    private func relative(_ path: String) -> String { String(path.dropFirst(self.root.count + 1)) }

    private func place(_ path: String) throws -> (folder: Node, name: String) {
        var folder = self.top
        var names = self.relative(path).split(separator: "/").map(String.init)
        guard let name = names.popLast() else { throw Unexpected(event: "change of the root itself") }
        for name in names {
            guard let next = folder.entries[name] else { throw Unexpected(event: "use of \(path)") }
            folder = next
        }
        return (folder, name)
    }

    private func opened(_ path: String) throws -> Node {
        guard path != self.root else { return self.top }
        let (folder, name) = try self.place(path)
        if let node = folder.entries[name] { return node }
        let node = Node.file(self.relative(path))
        folder.set(name, node)
        return node
    }

    private func node(_ file: Int32) throws -> Node {
        guard let node = self.open[file] else { throw Unexpected(event: "use of descriptor \(file)") }
        return node
    }
}

/// How unsynced changes fare in a power cut.
enum Luck {
    case allLost, mostLost, half, mostKept, allKept

    /// Any but the worst.
    static func mixed(using random: inout SeededGenerator) -> Luck {
        [.mostLost, .half, .mostKept, .allKept].randomElement(using: &random) ?? .half
    }

    fileprivate var share: Double {
        switch self {
        case .allLost: 0
        case .mostLost: 0.1
        case .half: 0.5
        case .mostKept: 0.9
        case .allKept: 1
        }
    }
    fileprivate var tears: Bool { self != .allLost }
}

/// A file or a folder.
private final class Node {
    enum Change {
        case write(ArraySlice<UInt8>, offset: Int)
        case truncate(octets: Int)
        /// `nil`: the name goes.
        case entry(name: String, Node?)
    }

    /// Relative to the root.
    private(set) var path: String
    let isFolder: Bool
    /// What syncs have covered.
    private var synced = Image()
    var unsynced: [Change] = []
    /// As the program sees them.
    private(set) var entries: [String: Node] = [:]

    private init(_ path: String, isFolder: Bool) {
        self.path = path
        self.isFolder = isFolder
    }
    static func file(_ path: String) -> Node { Node(path, isFolder: false) }
    static func folder(_ path: String) -> Node { Node(path, isFolder: true) }

    /// What is stored somewhere, as if synced.
    convenience init(_ path: String, storedAt place: String) throws {
        let url = URL(fileURLWithPath: place)
        self.init(path, isFolder: url.hasDirectoryPath)
        if self.isFolder {
            for name in try FileManager.default.contentsOfDirectory(atPath: place) {
                self.set(name, try Node(self.path(of: name), storedAt: "\(place)/\(name)"))
            }
        } else {
            self.unsynced = [.write([UInt8](try Data(contentsOf: url))[...], offset: 0)]
        }
        self.sync()
    }

    private func path(of name: String) -> String { self.path.isEmpty ? name : "\(self.path)/\(name)" }

    func set(_ name: String, _ node: Node?) {
        self.entries[name] = node
        node?.path = self.path(of: name)
        self.unsynced.append(.entry(name: name, node))
    }

    func sync() {
        for change in self.unsynced { self.synced.apply(change) }
        self.unsynced = []
    }

    var whole: Image {
        var image = self.synced
        for change in self.unsynced { image.apply(change) }
        return image
    }

    func write(to path: String, _ luck: Luck, using random: inout SeededGenerator) throws {
        var image = self.synced
        for change in self.unsynced {
            if Double.random(in: 0..<1, using: &random) < luck.share {
                image.apply(change)
            } else if luck.tears, case .write(let octets, let offset) = change, Bool.random(using: &random) {
                image.tear(octets, at: offset, using: &random)
            }
        }
        guard self.isFolder else { return try Data(image.octets).write(to: URL(fileURLWithPath: path)) }
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        // Sorted, so that a seed always tells the same.
        for (name, node) in image.entries.sorted(by: { $0.key < $1.key }) {
            try node.write(to: "\(path)/\(name)", luck, using: &random)
        }
    }
}

/// What the platter holds of a node: the one or the other, as it is a file or a folder.
private struct Image {
    private static let sector = 512

    private(set) var octets: [UInt8] = []
    private(set) var entries: [String: Node] = [:]

    mutating func apply(_ change: Node.Change) {
        switch change {
        case .write(let new, let offset): self.write(new, at: offset)
        case .truncate(let count):
            self.octets.removeLast(max(0, self.octets.count - count))
            self.grow(to: count)
        case .entry(let name, let node): self.entries[name] = node
        }
    }

    /// Some sectors of a write.
    mutating func tear(_ new: ArraySlice<UInt8>, at offset: Int, using random: inout SeededGenerator) {
        var rest = new
        while !rest.isEmpty {
            let place = offset + rest.startIndex - new.startIndex
            let piece = rest.prefix(Self.sector - place % Self.sector)
            if Bool.random(using: &random) { self.write(piece, at: place) }
            rest = rest[piece.endIndex...]
        }
    }

    private mutating func write(_ new: ArraySlice<UInt8>, at offset: Int) {
        self.grow(to: offset + new.count)
        self.octets.withUnsafeMutableBytes { octets in
            new.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: octets[offset...]).copyMemory(from: $0) }
        }
    }

    private mutating func grow(to count: Int) {
        if count > self.octets.count { self.octets += [UInt8](repeating: 0, count: count - self.octets.count) }
    }
}
