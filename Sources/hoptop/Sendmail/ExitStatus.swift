/// How `sendmail` ends, as `sysexits.h` has it and callers know it.
enum ExitStatus: Int32 {
    case ok = 0
    /// The command line is wrong.
    case usage = 64
    /// The message, or the addresses in it, cannot be used.
    case data = 65
    /// There is no such recipient.
    case noUser = 67
    /// The relay refuses it for good.
    case unavailable = 69
    case software = 70
    /// Something on this machine: no room, no file.
    case system = 71
    /// It may work later, and the caller has to try again.
    case temporary = 75
    case configuration = 78
}

/// What ends `sendmail`, in one line.
struct SendmailFailure: Error {
    var status: ExitStatus
    var reason: String

    init(_ status: ExitStatus, _ reason: String) {
        self.status = status
        self.reason = reason
    }
}
