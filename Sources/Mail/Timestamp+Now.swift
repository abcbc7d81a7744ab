import Glibc
import SMTP

extension Timestamp {
    /// The machine's time of day.
    public static var now: Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }

    /// `2026-11-25T04:30:00.123Z` (RFC 3339 §5.6).
    public var rfc3339: String { InternetDateTime.text(milliseconds: self.milliseconds, hasFraction: true) }
}
