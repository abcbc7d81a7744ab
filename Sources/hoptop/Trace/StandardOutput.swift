import Foundation
import Glibc

/// Standard output, for what goes on until somebody ends it: written at once, and no reason to complain when nobody reads.
enum StandardOutput {
    /// A terminal is there, and wants colours (no-color.org).
    static var hasColour: Bool {
        let environment = ProcessInfo.processInfo.environment
        return isatty(STDOUT_FILENO) == 1 && environment["TERM"] != "dumb"
            && (environment["NO_COLOR"] ?? "").isEmpty
    }

    /// - Returns: false when nobody reads it any more.
    static func write(_ text: String) -> Bool {
        signal(SIGPIPE, SIG_IGN)
        return put(Array(text.utf8), to: STDOUT_FILENO)
    }
}

/// Writes all of it, and waits where the file cannot take it yet.
///
/// - Returns: false when nobody reads it any more.
func put(_ octets: [UInt8], to file: CInt) -> Bool {
    var rest = octets[...]
    while !rest.isEmpty {
        let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
        if count < 0, errno == EINTR || errno == EAGAIN {
            usleep(errno == EAGAIN ? 10_000 : 0)
            continue
        }
        guard count > 0 else { return false }
        rest = rest.dropFirst(count)
    }
    return true
}
