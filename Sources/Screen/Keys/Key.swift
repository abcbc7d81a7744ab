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

    /// Its name in the help.
    var label: String {
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
        }
    }
}

extension Key: ExpressibleByStringLiteral {
    /// `"j"` is the character.
    public init(stringLiteral value: String) { self = .character(value.first ?? " ") }
}
