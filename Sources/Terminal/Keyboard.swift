import CNcurses
import Screen

/// Turns what curses reads into keys, and a bracketed paste into one of them.
struct Keyboard {
    /// Octets: more than anybody means to put into a prompt.
    private static let pasteLimit = 4096

    private var pasted: String?
    private var mouse: MouseReport?

    /// Sequences that terminfo does not always know (after htop): arrows in both modes, and paste.
    static func define() {
        for (sequence, code) in [
            ("\u{1B}[A", HOPTOP_KEY_UP), ("\u{1B}[B", HOPTOP_KEY_DOWN), ("\u{1B}[C", HOPTOP_KEY_RIGHT),
            ("\u{1B}[D", HOPTOP_KEY_LEFT),
            ("\u{1B}OA", HOPTOP_KEY_UP), ("\u{1B}OB", HOPTOP_KEY_DOWN), ("\u{1B}OC", HOPTOP_KEY_RIGHT),
            ("\u{1B}OD", HOPTOP_KEY_LEFT),
            ("\u{1B}[H", HOPTOP_KEY_HOME), ("\u{1B}[F", HOPTOP_KEY_END), ("\u{1B}[1~", HOPTOP_KEY_HOME),
            ("\u{1B}[4~", HOPTOP_KEY_END),
            ("\u{1B}[200~", HOPTOP_KEY_PASTE_BEGINS), ("\u{1B}[201~", HOPTOP_KEY_PASTE_ENDS),
            ("\u{1B}[<", HOPTOP_KEY_MOUSE),
        ] { hoptop_define_key(sequence, Int32(code)) }
    }

    /// All keys that wait.
    mutating func read() -> [Key] {
        var keys: [Key] = []
        var value: UInt32 = 0
        while keys.count < 256 {
            let kind = hoptop_read(&value)
            guard kind != 0 else { break }
            if let key = kind == 1 ? self.character(value) : self.function(Int(value)) { keys.append(key) }
        }
        return keys
    }

    private mutating func character(_ value: UInt32) -> Key? {
        if self.mouse != nil {
            switch self.mouse?.take(value) {
            case .done(let event):
                self.mouse = nil
                return event.map { .mouse($0) }
            case .more, nil: return nil
            }
        }
        if self.pasted != nil {
            guard let scalar = Unicode.Scalar(value), (self.pasted?.utf8.count ?? 0) < Self.pasteLimit else {
                return nil
            }
            self.pasted?.unicodeScalars.append(scalar.value < 0x20 ? " " : scalar)
            return nil
        }
        switch value {
        case 0x09: return .tab
        case 0x0A, 0x0D: return .enter
        case 0x1B: return .escape
        case 0x08, 0x7F: return .backspace
        case 1..<0x20: return Unicode.Scalar(value + 0x60).map { .control(Character($0)) }
        default: return Unicode.Scalar(value).map { .character(Character($0)) }
        }
    }

    private mutating func function(_ code: Int) -> Key? {
        self.mouse = nil
        switch code {
        case HOPTOP_KEY_MOUSE:
            self.mouse = MouseReport()
            return nil
        case HOPTOP_KEY_PASTE_BEGINS:
            self.pasted = ""
            return nil
        case HOPTOP_KEY_PASTE_ENDS:
            defer { self.pasted = nil }
            return self.pasted.map { .paste($0) }
        case HOPTOP_KEY_UP: return .up
        case HOPTOP_KEY_DOWN: return .down
        case HOPTOP_KEY_LEFT: return .left
        case HOPTOP_KEY_RIGHT: return .right
        case HOPTOP_KEY_PAGE_UP: return .pageUp
        case HOPTOP_KEY_PAGE_DOWN: return .pageDown
        case HOPTOP_KEY_HOME: return .home
        case HOPTOP_KEY_END: return .end
        case HOPTOP_KEY_BACKSPACE: return .backspace
        case HOPTOP_KEY_DELETE: return .delete
        case HOPTOP_KEY_BACK_TAB: return .backTab
        case HOPTOP_KEY_ENTER: return .enter
        case HOPTOP_KEY_FUNCTION + 1...HOPTOP_KEY_FUNCTION + 12: return .function(code - HOPTOP_KEY_FUNCTION)
        default: return nil
        }
    }
}
