import Foundation

/// As much of JSON Schema 2020-12 as the document of the API uses, and stricter in one thing: an object has no member that
/// its schema does not name, so that a field that is new in the code is missed in the document.
struct JSONSchema {
    let document: [String: Any]

    /// What is wrong with a value, and where; nothing: it is as the schema says.
    func mistakes(in value: Any, _ schema: [String: Any], at place: String) -> [String] {
        if let reference = schema["$ref"] as? String {
            return self.mistakes(in: value, self.resolve(reference), at: place)
        }
        if let cases = schema["oneOf"] as? [[String: Any]] {
            let fitting = cases.filter { self.mistakes(in: value, $0, at: place).isEmpty }
            return fitting.count == 1 ? [] : ["\(place): \(fitting.count) of oneOf fit \(value)"]
        }
        if let words = schema["enum"] as? [String], (value as? String).map(words.contains) != true {
            return ["\(place): \(value) is none of \(words)"]
        }
        switch schema["type"] as? String {
        case "string": return value is String ? [] : ["\(place): no string"]
        case "boolean": return Self.isFlag(value) ? [] : ["\(place): no boolean"]
        case "integer": return self.mistakes(inInteger: value, schema, at: place)
        case "array":
            guard let items = value as? [Any], let schema = schema["items"] as? [String: Any] else {
                return ["\(place): no array"]
            }
            return items.enumerated().flatMap { self.mistakes(in: $1, schema, at: "\(place)[\($0)]") }
        case "object":
            guard let object = value as? [String: Any] else { return ["\(place): no object"] }
            return self.mistakes(inObject: object, schema, at: place)
        case let type: return ["\(place): the schema has type \(type ?? "none")"]
        }
    }

    private func mistakes(inInteger value: Any, _ schema: [String: Any], at place: String) -> [String] {
        guard let number = value as? NSNumber, !Self.isFlag(value), number.doubleValue == Double(number.int64Value)
        else {
            return ["\(place): no integer"]
        }
        let least = (schema["minimum"] as? NSNumber)?.doubleValue ?? -.infinity
        return number.doubleValue >= least ? [] : ["\(place): \(number) is below \(least)"]
    }

    private func mistakes(inObject object: [String: Any], _ schema: [String: Any], at place: String) -> [String] {
        let known = schema["properties"] as? [String: [String: Any]] ?? [:]
        let others = schema["additionalProperties"] as? [String: Any]
        let missing = (schema["required"] as? [String] ?? []).filter { object[$0] == nil }.map { "\(place): no \($0)" }
        return missing
            + object.flatMap { name, value -> [String] in
                if let schema = known[name] { return self.mistakes(in: value, schema, at: "\(place).\(name)") }
                guard let others else { return ["\(place): \(name) is not in the schema"] }
                let names = schema["propertyNames"] as? [String: Any]
                return self.mistakes(in: value, others, at: "\(place).\(name)")
                    + (names.map { self.mistakes(in: name, $0, at: "\(place): a key") } ?? [])
            }
    }

    private static func isFlag(_ value: Any) -> Bool {
        (value as? NSNumber).map { ["c", "B"].contains(String(cString: $0.objCType)) } ?? false
    }

    /// `#/components/schemas/Overview`
    func resolve(_ reference: String) -> [String: Any] {
        reference.split(separator: "/").dropFirst()
            .reduce(self.document as Any) { ($0 as? [String: Any])?[String($1)] as Any } as? [String: Any] ?? [:]
    }
}
