/// How far a session is, in either direction; what timers and screens go by.
public enum SessionPhase: String, Hashable, Sendable, Codable, CaseIterable {
    /// TCP is being connected; outbound only.
    case connect
    /// The 220 is awaited or decided upon.
    case greeting
    /// EHLO or HELO is awaited (in) or sent (out).
    case hello
    /// STARTTLS, and the handshake.
    case tls
    case auth
    /// The session is between transactions.
    case idle
    case mail
    case rcpt
    case data
    /// Mail data flows.
    case content
    /// The lone dot is passed and the final reply waits: for the disk (in), for the next hop (out).
    case finalReply = "final-reply"
    case quit
    case closed
}
