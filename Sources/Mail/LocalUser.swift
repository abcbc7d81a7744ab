/// A user of this machine, as the kernel tells of the other end of a Unix socket.
public struct LocalUser: Sendable, Hashable, CustomStringConvertible {
    /// The name in the machine's user database; its number where it has none.
    public var name: String
    public var number: UInt32

    public init(name: String, number: UInt32) {
        self.name = name
        self.number = number
    }
    /// - Parameter description: of another; `nil` for any other text.
    public init?(description: String) {
        guard description.hasSuffix(")"), let end = description.firstRange(of: " (uid ") else { return nil }
        guard let number = UInt32(description[end.upperBound...].dropLast()) else { return nil }
        self.init(name: String(description[..<end.lowerBound]), number: number)
    }
    /// `ann (uid 1000)`
    public var description: String { "\(self.name) (uid \(self.number))" }
}
