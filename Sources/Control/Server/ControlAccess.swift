import Glibc
import Mail

/// Who may do what: users of this machine by their names, everybody else by tokens.
public struct ControlAccess: Sendable {
    /// The socket is open to a group. Who could connect, and is neither we nor root, belongs to it: the kernel has seen to that.
    public var hasGroup: Bool
    /// Members of the group who may do everything; `*`: each of them.
    public var operators: Set<String>
    public var tokens: ControlTokens

    public init(hasGroup: Bool = false, operators: Set<String> = [], tokens: ControlTokens = ControlTokens()) {
        self.hasGroup = hasGroup
        self.operators = operators
        self.tokens = tokens
    }

    /// - Returns: `nil` when the user has no business here.
    func visitor(_ user: LocalUser) -> ControlVisitor? {
        if user.number == geteuid() || user.number == 0 { return ControlVisitor(name: user.name, role: .operator) }
        guard self.hasGroup else { return nil }
        let isOperator = self.operators.contains("*") || self.operators.contains(user.name)
        return ControlVisitor(name: user.name, role: isOperator ? .operator : .observer)
    }
}

/// Who asks, and what they may do.
public struct ControlVisitor: Hashable, Sendable {
    /// As facts name whoever did something.
    public var name: String
    public var role: ControlRoute.Role
    public init(name: String, role: ControlRoute.Role) {
        self.name = name
        self.role = role
    }
}
