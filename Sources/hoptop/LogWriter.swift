import Foundation
import Glibc

/// Puts log lines on stderr from a thread of its own, so that a reader that stops reading stops nothing else.
///
/// `@unchecked Sendable`: everything is behind the condition.
final class LogWriter: @unchecked Sendable {
    static let standardError = LogWriter(STDERR_FILENO)

    /// Octets that may wait.
    private static let limit = 1 << 20

    private let file: CInt
    private let condition = NSCondition()
    private var waiting: [UInt8] = []
    private var dropped = 0
    private var isWriting = false
    private var forRoom: [CheckedContinuation<Void, Never>] = []

    private init(_ file: CInt) {
        self.file = file
        let thread = Thread { self.run() }
        thread.name = "hoptop-log"
        thread.stackSize = 256 << 10
        thread.start()
    }

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

    // MARK: on the thread

    private func run() {
        while true {
            let (octets, forRoom) = self.next()
            for continuation in forRoom { continuation.resume() }
            _ = put(octets, to: self.file)
        }
    }

    private func next() -> ([UInt8], [CheckedContinuation<Void, Never>]) {
        self.condition.withLock {
            self.isWriting = false
            self.condition.broadcast()
            while self.waiting.isEmpty { self.condition.wait() }
            self.isWriting = true
            var octets = self.waiting
            if self.dropped > 0 { octets += "hoptop: \(self.dropped) log lines were dropped\n".utf8 }
            self.waiting = []
            self.dropped = 0
            defer { self.forRoom = [] }
            return (octets, self.forRoom)
        }
    }
}
