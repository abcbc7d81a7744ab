/// Why a command line could not be read. Every case is a reply the client is owed.
public enum CommandSyntaxError: Error, Equatable, Sendable {
    case unrecognized
    /// A verb that some server somewhere knows.
    case notImplemented
    case lineTooLong(limit: Int)
    /// An octet outside printing ASCII: without SMTPUTF8 there is no place for one (RFC 5321 §4.1.2).
    case forbiddenOctet
    /// Characters beyond ASCII, and the parameter that announces them is missing (RFC 6531 §3.5).
    case needsSMTPUTF8
    /// An argument is missing, malformed or too much.
    case argument(syntax: String)
    case reversePath(PathSyntaxError)
    case forwardPath(PathSyntaxError)
    case parameter
    /// BDAT without a size: what follows it cannot be told from commands, so nothing after it may be read.
    case chunkSize
    /// A line of an AUTH exchange is no base64 (RFC 4954 §4).
    case base64

    public var reply: Reply {
        switch self {
        case .unrecognized: Reply(500, "5.5.2", "Command unrecognized")
        case .notImplemented: Reply(502, "5.5.1", "Command not implemented")
        case .lineTooLong(let limit): Reply(500, "5.5.2", "Line longer than \(limit) octets")
        case .forbiddenOctet: Reply(500, "5.5.2", "Only printing ASCII may stand in a command")
        case .needsSMTPUTF8: Reply(553, "5.6.7", "Characters beyond ASCII need the parameter SMTPUTF8")
        case .argument(let syntax): Reply(501, "5.5.4", "Syntax: \(syntax)")
        case .reversePath(let error): Reply(501, "5.1.7", "Bad reverse-path: \(error)")
        case .forwardPath(let error): Reply(501, "5.1.3", "Bad forward-path: \(error)")
        case .parameter: Reply(501, "5.5.4", "Malformed parameter")
        case .chunkSize: Reply(501, "5.5.4", "Syntax: BDAT octets [LAST]")
        case .base64: Reply(501, "5.5.2", "Malformed base64")
        }
    }
}
