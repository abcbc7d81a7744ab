import Glibc
import NIOCore

/// Wakes a thread that sleeps in ``wait(or:until:)``; it may be woken from any thread.
final class Waker: Sendable {
    private let readEnd: CInt
    private let writeEnd: CInt

    /// `nil` when no descriptors are left.
    init?() {
        var ends: [CInt] = [-1, -1]
        let kind = SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue
        guard socketpair(AF_UNIX, CInt(kind), 0, &ends) == 0 else { return nil }
        self.readEnd = ends[0]
        self.writeEnd = ends[1]
    }

    deinit {
        close(self.readEnd)
        close(self.writeEnd)
    }

    /// What is full wakes it already.
    func wake() { _ = write(self.writeEnd, "!", 1) }

    /// Until it is woken, `other` can be read, or it is so late.
    func wait(or other: CInt?, until deadline: NIODeadline?) {
        var descriptors = [pollfd(fd: self.readEnd, events: Int16(POLLIN), revents: 0)]
        if let other { descriptors.append(pollfd(fd: other, events: Int16(POLLIN), revents: 0)) }
        // Rounded up, so that it is late indeed.
        let milliseconds = deadline.map { max(($0 - .now()).nanoseconds / 1_000_000 + 1, 0) } ?? -1
        _ = poll(&descriptors, nfds_t(descriptors.count), CInt(clamping: milliseconds))
        var woken = [UInt8](repeating: 0, count: 64)
        _ = read(self.readEnd, &woken, woken.count)
    }
}
