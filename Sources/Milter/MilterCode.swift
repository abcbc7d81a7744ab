/// The first octet of a packet that a milter sends: `SMFIR_…`, and the answer to the negotiation (Sendmail's
/// `libmilter/mfdef.h`).
public enum MilterCode: UInt8, Sendable, Hashable, CustomStringConvertible {
    case negotiate = 0x4F  // O
    case addRecipient = 0x2B  // +
    case deleteRecipient = 0x2D  // -
    case addRecipientWithParameters = 0x32  // 2
    case shutDown = 0x34  // 4
    case accept = 0x61  // a
    case replaceBody = 0x62  // b
    case `continue` = 0x63  // c
    case discard = 0x64  // d
    case changeSender = 0x65  // e
    case connectionFailure = 0x66  // f
    case addHeader = 0x68  // h
    case insertHeader = 0x69  // i
    case changeHeader = 0x6D  // m
    case progress = 0x70  // p
    case quarantine = 0x71  // q
    case reject = 0x72  // r
    case skip = 0x73  // s
    case temporaryFailure = 0x74  // t
    case reply = 0x79  // y

    public var description: String {
        switch self {
        case .negotiate: "OPTNEG"
        case .addRecipient: "ADDRCPT"
        case .deleteRecipient: "DELRCPT"
        case .addRecipientWithParameters: "ADDRCPT_PAR"
        case .shutDown: "SHUTDOWN"
        case .accept: "ACCEPT"
        case .replaceBody: "REPLBODY"
        case .continue: "CONTINUE"
        case .discard: "DISCARD"
        case .changeSender: "CHGFROM"
        case .connectionFailure: "CONN_FAIL"
        case .addHeader: "ADDHEADER"
        case .insertHeader: "INSHEADER"
        case .changeHeader: "CHGHEADER"
        case .progress: "PROGRESS"
        case .quarantine: "QUARANTINE"
        case .reject: "REJECT"
        case .skip: "SKIP"
        case .temporaryFailure: "TEMPFAIL"
        case .reply: "REPLYCODE"
        }
    }
}
