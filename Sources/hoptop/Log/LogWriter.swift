import Foundation
import Glibc

/// Puts log lines on stderr or into a file from a thread of its own, so that a reader that stops reading, or a disk that is full,
/// stops nothing else.
///
/// `@unchecked Sendable`: everything is behind the condition.
final class LogWriter: @unchecked Sendable {
    /// Octets that may wait.
    private static let limit = 1 << 20

    private let condition = NSCondition()
    private var waiting: [UInt8] = []
    private var dropped = 0
    /// Where what waits is written; it is closed when another takes its place, unless it is standard error.
    private var file: CInt
    private var next: CInt?
    /// The last line was not written to its end.
    private var isCut = false
    private let notice: (Int) -> String
    private var isWriting = false
    private var forRoom: [CheckedContinuation<Void, Never>] = []

    /// - Parameters:
    ///   - path: `nil`: standard error.
    ///   - notice: a line that so many are missing.
    /// - Throws: when it cannot be written.
    init(_ path: String?, notice: @escaping (Int) -> String) throws {
        self.notice = notice
        self.file = try Self.open(path)
        let thread = Thread { self.run() }
        thread.name = "hoptop-log"
        thread.stackSize = 256 << 10
        thread.start()
    }

    /// What comes from now on is written there; the old file gets what came before.
    ///
    /// - Throws: when it cannot be written; then nothing changes.
    func reopen(_ path: String?) throws {
        let file = try Self.open(path)
        self.condition.withLock {
            if let unused = self.next { Self.close(unused) }
            self.next = file
            self.condition.broadcast()
        }
    }

    /// Others of the group may read it, and nobody else: who writes to whom is nobody's business.
    private static func open(_ path: String?) throws -> CInt {
        guard let path else { return STDERR_FILENO }
        let file = Glibc.open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0o640)
        guard file >= 0 else {
            throw Failure("log.file: \(path) cannot be written: \(String(cString: strerror(errno)))")
        }
        return file
    }

    private static func close(_ file: CInt) { if file != STDERR_FILENO { Glibc.close(file) } }

    /// Where too much waits already the text is dropped, and how many there were is told later.
    func write(_ text: String) {
        self.condition.withLock {
            if self.waiting.count + text.utf8.count > Self.limit {
                self.dropped += 1
            } else {
                self.waiting += text.utf8
            }
            self.condition.broadcast()
        }
    }

    /// Waits while too much waits already.
    func writeAll(_ text: String) async {
        await withCheckedContinuation { continuation in
            let hasRoom = self.condition.withLock {
                self.waiting += text.utf8
                self.condition.broadcast()
                if self.waiting.count > Self.limit / 2 { self.forRoom.append(continuation) }
                return self.waiting.count <= Self.limit / 2
            }
            if hasRoom { continuation.resume() }
        }
    }

    /// Returns when all is written, or the time is over.
    func flush(within seconds: Double) {
        let end = Date(timeIntervalSinceNow: seconds)
        self.condition.withLock {
            while !self.waiting.isEmpty || self.isWriting, self.condition.wait(until: end) {}
        }
    }

    /// Nothing waits, and nothing is being written.
    var hasWrittenAll: Bool { self.condition.withLock { self.waiting.isEmpty && !self.isWriting } }

    // MARK: on the thread

    private struct Piece {
        var octets: [UInt8]
        /// Where the lines are that are not about missing ones.
        var lines: Range<Int>
        /// How many lines they say are missing.
        var told: Int
        var file: CInt
        var forRoom: [CheckedContinuation<Void, Never>]
    }

    private func run() {
        while true {
            let piece = self.nextPiece()
            for continuation in piece.forRoom { continuation.resume() }
            let isWritten = put(piece.octets, to: piece.file)
            let lost = isWritten ? 0 : piece.octets[piece.lines].count { $0 == UInt8(ascii: "\n") }
            self.condition.withLock {
                self.dropped += isWritten ? -piece.told : lost
                self.isCut = !isWritten
            }
        }
    }

    private func nextPiece() -> Piece {
        self.condition.withLock {
            self.isWriting = false
            self.condition.broadcast()
            while self.waiting.isEmpty, self.next == nil { self.condition.wait() }
            if let file = self.next.take() {
                Self.close(self.file)
                self.file = file
            }
            self.isWriting = true
            var piece = Piece(
                octets: self.waiting, lines: self.waiting.indices, told: 0, file: self.file, forRoom: self.forRoom)
            if !piece.octets.isEmpty {
                if self.isCut {
                    piece.octets.insert(UInt8(ascii: "\n"), at: 0)
                    piece.lines = piece.octets.indices.dropFirst()
                }
                piece.told = self.dropped
                if piece.told > 0 { piece.octets += self.notice(piece.told).utf8 }
            }
            self.waiting = []
            self.forRoom = []
            return piece
        }
    }
}
