import Glibc
import SMTP

extension Timestamp {
    /// The machine's time of day.
    public static var now: Timestamp { Timestamp(of: CLOCK_REALTIME) }
    /// The time since the machine was started: it never jumps, and counts sleep.
    public static var sinceBoot: Timestamp { Timestamp(of: CLOCK_BOOTTIME) }

    private init(of clock: clockid_t) {
        var time = timespec()
        clock_gettime(clock, &time)
        self.init(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }

    /// `2026-11-25T04:30:00.123Z` (RFC 3339 §5.6).
    public var rfc3339: String { InternetDateTime.text(milliseconds: self.milliseconds, hasFraction: true) }
}
