/// Why a milter cannot be worked with any further. The description is for the log, on one line.
public enum MilterError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A packet that announces more octets than one may have.
    case packetTooLarge(octets: Int)
    /// A packet that is not what its first octet says.
    case malformed(MilterCode)
    /// An answer that is none, or to what was not asked.
    case unexpected(MilterCode)
    /// A first octet that the protocol does not know.
    case unknown(octet: UInt8)
    /// The milter speaks no version that is spoken here.
    case version(UInt32)
    /// It wants what was not offered, by the bits of the flags.
    case notOffered(actions: UInt32, steps: UInt32)
    /// It did what it had not said that it might do.
    case notNegotiated(MilterCode)
    case tooManyChanges(limit: Int)

    public var description: String {
        switch self {
        case .packetTooLarge(let octets): "it announced a packet of \(octets) octets"
        case .malformed(let code): "it sent a malformed \(code)"
        case .unexpected(let code): "it sent \(code) out of turn"
        case .unknown(let octet): "it sent a packet of unknown kind \(octet)"
        case .version(let version): "it speaks version \(version) of the protocol; this speaks 2 to 6"
        case .notOffered(let actions, let steps):
            "it wants what was not offered (actions 0x\(String(actions, radix: 16)), steps 0x\(String(steps, radix: 16)))"
        case .notNegotiated(let code): "it sent \(code), which it had not asked for"
        case .tooManyChanges(let limit): "it changed more than \(limit) things of one message"
        }
    }
}
