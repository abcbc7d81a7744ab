public import Foundation
import Monitor

/// What a request says beside its method and path. No transport is in it: percent-encoding is undone.
public struct CallArguments: Hashable, Sendable {
    /// The words that stand for those in braces in the route's path.
    public var path: [String: String]
    public var query: [String: String]
    /// JSON; empty where there is none.
    public var body: Data
    public init(path: [String: String] = [:], query: [String: String] = [:], body: Data = Data()) {
        self.path = path
        self.query = query
        self.body = body
    }
    init(path: [String: String] = [:], body: some Encodable) throws {
        self.init(path: path, body: try SafeJSON.encode(body))
    }

    /// - Throws: where the body is no such value.
    func body<Value: Decodable>(as type: Value.Type = Value.self) throws(FeedError) -> Value {
        guard !self.body.isEmpty else { throw FeedError(.invalid, "a body is missing: it is a JSON document") }
        do {
            return try JSONDecoder().decode(type, from: self.body)
        } catch let error as DecodingError {
            throw FeedError(.invalid, "the body is not what is wanted: \(error.words)")
        } catch {
            throw FeedError(.invalid, "the body is no JSON document")
        }
    }

    func number(_ name: String, default standard: Int, in range: ClosedRange<Int>) throws(FeedError) -> Int {
        guard let text = self.query[name] else { return standard }
        guard let number = Int(text), range.contains(number) else {
            throw FeedError(.invalid, "\(name): a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    func flag(_ name: String, default standard: Bool) throws(FeedError) -> Bool {
        switch self.query[name] {
        case nil: return standard
        case "true": return true
        case "false": return false
        default: throw FeedError(.invalid, "\(name): true or false")
        }
    }

    func word<Word: RawRepresentable<String> & CaseIterable>(
        _ name: String, default standard: Word
    ) throws(FeedError) -> Word {
        guard let text = self.query[name] else { return standard }
        guard let word = Word(rawValue: text) else {
            throw FeedError(.invalid, "\(name): \(Word.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return word
    }

    func filter(_ name: String = "filter", fields: [FilterField]) throws(FeedError) -> FilterExpression {
        do throws(FilterSyntaxError) {
            return try FilterExpression(parsing: self.query[name] ?? "", with: fields)
        } catch {
            throw FeedError(.invalid, "\(name): \(error.description)")
        }
    }
}

extension DecodingError {
    /// What is wrong, and where.
    fileprivate var words: String {
        switch self {
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
            Self.place(context.codingPath) + context.debugDescription
        case .keyNotFound(let key, let context): Self.place(context.codingPath) + "\(key.stringValue) is missing"
        @unknown default: "it cannot be read"
        }
    }
    private static func place(_ path: [any CodingKey]) -> String {
        path.isEmpty ? "" : path.map(\.stringValue).joined(separator: ".") + ": "
    }
}
