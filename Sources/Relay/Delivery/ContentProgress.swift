import Glibc
import Mail
import Monitor
import NIOCore

/// How much of a large message the next hop has really taken: the octets that its TCP has acknowledged, not those that
/// wait in our kernel. Looked at a few times a second while content flows.
final class ContentProgress: @unchecked Sendable {
    // @unchecked: used on the channel's event loop alone.

    /// Smaller content is gone before anybody can look.
    static let worthwhileOctets = 256 << 10

    private var task: RepeatedTask?

    /// - Parameters:
    ///   - octetsBefore: what the session had sent before the content.
    ///   - moved: called on the channel's event loop when the next hop has taken more.
    init(
        _ channel: any Channel, record: SessionRecord, clock: Clock, contentOctets: Int, octetsBefore: Int,
        moved: @escaping @Sendable () -> Void
    ) {
        guard let options = channel as? any SocketOptionProvider else { return }
        let interval = TimeAmount.milliseconds(200)
        self.task = channel.eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in
            Self.acknowledgedOctets(options).whenSuccess { acknowledged in
                // The SYN counts as one octet.
                let done = min(max(acknowledged - 1 - octetsBefore, 0), contentOctets)
                guard record.row.contentOctetsDone != done else { return }
                record.update(at: clock.now()) { $0.contentOctetsDone = done }
                moved()
            }
        }
    }

    func stop() {
        self.task?.cancel()
        self.task = nil
    }

    /// `tcpi_bytes_acked`, the 64 bits at octet 120 of Linux's `struct tcp_info`, which libc's header does not have yet.
    private static func acknowledgedOctets(_ options: any SocketOptionProvider) -> EventLoopFuture<Int> {
        typealias Words = (
            UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64,
            UInt64, UInt64, UInt64
        )
        let information: EventLoopFuture<Words> = options.unsafeGetSocketOption(
            level: .tcp, name: NIOBSDSocket.Option(rawValue: TCP_INFO))
        return information.map { Int(clamping: $0.15) }
    }
}
