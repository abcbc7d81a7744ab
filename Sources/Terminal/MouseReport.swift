import Screen

/// What a terminal says of its mouse, behind `ESC [ <`: `button;column;line` and `M`, or `m` when a button is let go
/// (xterm's SGR mode, 1006).
struct MouseReport {
    /// More than any terminal has to say.
    private static let limit = 16
    private var text = ""

    enum Result {
        case more
        /// `nil`: it means nothing here.
        case done(MouseEvent?)
    }

    mutating func take(_ value: UInt32) -> Result {
        guard let scalar = Unicode.Scalar(value), self.text.utf8.count < Self.limit else { return .done(nil) }
        switch scalar {
        case "0"..."9", ";":
            self.text.unicodeScalars.append(scalar)
            return .more
        case "M": return .done(self.event)
        default: return .done(nil)
        }
    }

    private var event: MouseEvent? {
        let numbers = self.text.split(separator: ";", omittingEmptySubsequences: false).compactMap { Int($0) }
        guard numbers.count == 3, numbers[1] > 0, numbers[2] > 0 else { return nil }
        switch numbers[0] {
        case 0: return .click(x: numbers[1] - 1, y: numbers[2] - 1)
        case 64: return .wheel(-1)
        case 65: return .wheel(1)
        // Other buttons, and those held with Shift, Control or Meta.
        default: return nil
        }
    }
}
