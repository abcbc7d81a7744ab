import Foundation
import Mail

/// The terms of a rule as stores keep them: JSON, which people can read.
extension StandingRule.Terms {
    init(encoded text: String) throws { self = try JSONDecoder().decode(Self.self, from: Data(text.utf8)) }

    func encoded() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
}
