import Testing

@testable import SASL

/// `pencil` under the salt of RFC 7677 §3, computed by another program.
let pencil =
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
    + "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="

func users(_ lines: String...) throws -> Users {
    try Users(text: lines.map { $0 + "\n" }.joined(), file: "users", decoyKey: Array(0..<32))
}

func prepared(_ text: String) throws -> PreparedString { try #require(PreparedString(text)) }

func octets(_ text: String) -> [UInt8] { Array(text.utf8) }

extension ScramServer.Step {
    /// As one side of a conversation.
    var text: String {
        switch self {
        case .challenge(let message): String(decoding: message, as: UTF8.self)
        case .success(let user, let message): "\(user): " + String(decoding: message, as: UTF8.self)
        }
    }
}
