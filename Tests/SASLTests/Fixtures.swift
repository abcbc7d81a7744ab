import Testing

@testable import SASL

/// `pencil` under the salt of RFC 7677 §3, computed by another program.
let pencil =
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
    + "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="

/// Repeats from its seed.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        // splitmix64
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var z = self.state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

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
