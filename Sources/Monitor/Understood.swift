// What a node of a later version tells, and this version does not know, takes nothing else with it.

/// A value of which later versions may have more kinds: in a list, one that is not understood is left out.
protocol LaterKinds: Codable {}

extension FeedCapabilities.Area: LaterKinds {}
extension FeedCapabilities.Ability: LaterKinds {}
extension FeedCapabilities.Note: LaterKinds {}
extension FeedChange.Area: LaterKinds {}
extension FactRow: LaterKinds {}
extension JournalEntry: LaterKinds {}
extension DestinationAges: LaterKinds {}
extension Receipt.Remark: LaterKinds {}

/// What of a list is understood.
struct Understood<Value: Decodable>: Decodable {
    var values: [Value] = []
    /// How many are left out.
    var leftOut = 0

    private struct Attempt: Decodable {
        let value: Value?
        init(from decoder: any Decoder) throws { self.value = try? Value(from: decoder) }
    }

    init(from decoder: any Decoder) throws {
        var list = try decoder.unkeyedContainer()
        while !list.isAtEnd {
            if let value = try list.decode(Attempt.self).value { self.values.append(value) } else { self.leftOut += 1 }
        }
    }
}

// What the compiler writes for a value's members calls these, as they say more of the type than those of the library.
extension KeyedDecodingContainer {
    func decode<Value: LaterKinds>(_ type: [Value].Type, forKey key: Key) throws -> [Value] {
        try self.decode(Understood<Value>.self, forKey: key).values
    }
    func decode<Value: LaterKinds>(_ type: Set<Value>.Type, forKey key: Key) throws -> Set<Value> {
        Set(try self.decode(Understood<Value>.self, forKey: key).values)
    }
}

extension Attention {
    private struct Name: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    /// A kind that is not known is shown as such.
    public init(from decoder: any Decoder) throws {
        let members = try decoder.container(keyedBy: CodingKeys.self)
        let kind: Kind
        do { kind = try members.decode(Kind.self, forKey: .kind) } catch {
            let names = try members.nestedContainer(keyedBy: Name.self, forKey: .kind).allKeys.map(\.stringValue)
            guard let name = names.first else { throw error }
            kind = .unknown(name: name)
        }
        self.init(
            try members.decode(Severity.self, forKey: .severity), kind,
            count: try members.decodeIfPresent(Int.self, forKey: .count),
            door: try members.decodeIfPresent(FilterExpression.self, forKey: .door))
        self.node = try members.decodeIfPresent(String.self, forKey: .node)
    }
}

extension FactWindow {
    /// Facts that are not understood are counted as missing.
    public init(from decoder: any Decoder) throws {
        let members = try decoder.container(keyedBy: CodingKeys.self)
        let rows = try members.decode(Understood<FactRow>.self, forKey: .rows)
        self.init(
            rows: rows.values, end: try members.decode(String.self, forKey: .end),
            missing: try members.decode(Int.self, forKey: .missing) + rows.leftOut)
    }
}
