import CNcurses
import Foundation
import Synchronization

/// Work that ends by itself, or because somebody asks for the end: by a signal, or by a key where no screen takes it.
public enum Departure {
    /// From now on SIGTERM, SIGINT and SIGHUP ask for the end and no longer are it. Whoever listens next takes one that came
    /// before: a ``Terminal``, or one of the functions here. A second one before that ends the program as ever.
    ///
    /// - Throws: ``TerminalError`` when no descriptors are left.
    public static func listen() throws {
        guard hoptop_listen_for_signals() else { throw TerminalError("no descriptors are left") }
    }

    /// Waits for `work`, unless one of the signals comes.
    ///
    /// - Parameter work: goes on when it is no longer waited for.
    /// - Returns: whether it came to its end.
    public static func wait(for work: @escaping @Sendable () async -> Void) async -> Bool {
        await self.wait(for: work, readsKeys: false, notes: HOPTOP_NOTE_LEAVE | HOPTOP_NOTE_HANG_UP)
    }

    /// Waits for the end of a program that was asked to end, unless somebody asks again: SIGTERM, SIGINT, `q` or Ctrl-C.
    /// SIGHUP is none of them, since a terminal that closes says so more than once. Stdin is a terminal, and no screen is there.
    ///
    /// - Parameter work: goes on when it is no longer waited for.
    /// - Returns: whether it came to its end.
    public static func waitForEnd(_ work: @escaping @Sendable () async -> Void) async -> Bool {
        await self.wait(for: work, readsKeys: true, notes: HOPTOP_NOTE_LEAVE)
    }

    private static func wait(
        for work: @escaping @Sendable () async -> Void, readsKeys: Bool, notes: Int
    ) async -> Bool {
        await withCheckedContinuation { continuation in
            let end = End()
            let thread = Thread {
                continuation.resume(returning: !self.isAsked(before: end, readsKeys: readsKeys, notes: UInt32(notes)))
            }
            thread.name = "hoptop-departure"
            thread.stackSize = 256 << 10
            thread.start()
            Task {
                await work()
                end.isReached.store(true, ordering: .releasing)
                hoptop_note(UInt32(HOPTOP_NOTE_UPDATED))
            }
        }
    }

    private final class End: Sendable { let isReached = Atomic(false) }

    private static func isAsked(before end: End, readsKeys: Bool, notes: UInt32) -> Bool {
        if readsKeys { hoptop_begin_plain_keys() }
        hoptop_set_listening(true)
        defer {
            hoptop_set_listening(false)
            if readsKeys { hoptop_end_plain_keys() }
        }
        var readsKeys = readsKeys
        while true {
            let ready = hoptop_wait(readsKeys, -1)
            let noted = hoptop_take_notes()
            if end.isReached.load(ordering: .acquiring) { return false }
            if noted & notes != 0 { return true }
            guard ready & 1 != 0 else { continue }
            let key = hoptop_read_plain_key()
            if key == -1 { readsKeys = false }  // The terminal is gone.
            if key == Int32(UInt8(ascii: "q")) { return true }
        }
    }
}
