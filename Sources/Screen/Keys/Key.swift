/// A key as an operator pressed it; or text pasted, which is none.
public enum Key: Hashable, Sendable {
    case character(Character)
    /// With the control key; lower case.
    case control(Character)
    case enter
    case escape
    case backspace
    case delete
    case tab
    case backTab
    case up
    case down
    case left
    case right
    case pageUp
    case pageDown
    case home
    case end
    case function(Int)
    /// Bracketed paste: accepted in prompts only.
    case paste(String)
    case mouse(MouseEvent)

    /// Its name in the help and in the configuration.
    public var label: String {
        switch self {
        case .character(" "): "Space"
        case .character(let character): String(character)
        case .control(let character): "Ctrl-\(character.uppercased())"
        case .enter: "Enter"
        case .escape: "Esc"
        case .backspace: "Backspace"
        case .delete: "Del"
        case .tab: "Tab"
        case .backTab: "S-Tab"
        case .up: "Up"
        case .down: "Down"
        case .left: "Left"
        case .right: "Right"
        case .pageUp: "PgUp"
        case .pageDown: "PgDn"
        case .home: "Home"
        case .end: "End"
        case .function(let number): "F\(number)"
        case .paste: "paste"
        case .mouse: "mouse"
        }
    }

    /// The key as which a terminal sends this one, since both are the same octet (ECMA-48 §5); `nil`: it is itself.
    public var sentAs: Key? {
        switch self {
        case .control("i"): .tab
        case .control("j"), .control("m"): .enter
        case .control("h"): .backspace
        default: nil
        }
    }

    private static let named: [Key] =
        [
            " ", .enter, .escape, .backspace, .delete, .tab, .backTab, .up, .down, .left, .right, .pageUp, .pageDown,
            .home, .end,
        ] + (1...12).map { Key.function($0) } + "abcdefghijklmnopqrstuvwxyz".map { Key.control($0) }

    /// By its ``label``; names of more than one letter in either case.
    public init?(named label: String) {
        if label.count == 1, let character = label.first, character != " ", !character.isWhitespace {
            self = .character(character)
        } else if let key = Self.named.first(where: { $0.label.lowercased() == label.lowercased() }) {
            self = key
        } else {
            return nil
        }
    }
}

/// What was done with the mouse, on the canvas.
public enum MouseEvent: Hashable, Sendable {
    case click(x: Int, y: Int)
    /// Lines; below zero: up.
    case wheel(Int)
}

extension Key: ExpressibleByStringLiteral {
    /// `"j"` is the character.
    public init(stringLiteral value: String) { self = .character(value.first ?? " ") }
}
