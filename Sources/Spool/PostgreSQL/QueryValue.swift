import NIOCore

/// A value that goes with a statement, in PostgreSQL's binary form.
enum QueryValue: Sendable {
    case null
    case bigint(Int64)
    case bigints([Int64])
    case string(String)
    /// `bytea`
    case octets([UInt8])
    /// `bytea`: what the buffer has to read.
    case readable(ByteBuffer)

    static func integer(_ value: some FixedWidthInteger) -> QueryValue { .bigint(Int64(value)) }
    static func integer(_ value: (some FixedWidthInteger)?) -> QueryValue { value.map { .bigint(Int64($0)) } ?? .null }
    static func text(_ value: String?) -> QueryValue { value.map { .string($0) } ?? .null }
    static func buffer(_ value: ByteBuffer?) -> QueryValue { value.map { .readable($0) } ?? .null }
}

/// Parameters in one piece of memory.
struct EncodedValues {
    private var octets: [UInt8] = []
    /// Where each value begins, and its octets; `nil`: NULL.
    private var places: [(start: Int, count: Int)?] = []
    private static let bigintType: Int32 = 20

    init(_ parameters: [QueryValue]) {
        self.places.reserveCapacity(parameters.count)
        for parameter in parameters {
            if case .null = parameter {
                self.places.append(nil)
                continue
            }
            let start = self.octets.count
            self.write(parameter)
            self.places.append((start, self.octets.count - start))
        }
        // So that an empty value has an address too.
        self.octets.append(0)
    }

    private mutating func write(_ parameter: QueryValue) {
        switch parameter {
        case .null: break
        case .bigint(let value): self.write(value)
        case .bigints(let values):
            self.write(Int32(values.isEmpty ? 0 : 1))  // dimensions
            self.write(Int32(0))  // no NULL
            self.write(Self.bigintType)
            guard !values.isEmpty else { return }
            self.write(Int32(values.count))
            self.write(Int32(1))  // the first index
            for value in values {
                self.write(Int32(MemoryLayout<Int64>.size))
                self.write(value)
            }
        case .string(let text):
            // PostgreSQL's texts hold all of Unicode but this; what peers say may have it.
            if text.utf8.contains(0) {
                self.octets.append(contentsOf: text.replacing("\0", with: "\u{FFFD}").utf8)
            } else {
                self.octets.append(contentsOf: text.utf8)
            }
        case .octets(let octets): self.octets.append(contentsOf: octets)
        case .readable(let buffer): self.octets.append(contentsOf: buffer.readableBytesView)
        }
    }

    private mutating func write(_ integer: some FixedWidthInteger) {
        withUnsafeBytes(of: integer.bigEndian) { self.octets.append(contentsOf: $0) }
    }

    /// The values, their octets, and that each is binary, as libpq wants them.
    func withPointers<Value>(
        _ body: (UnsafePointer<UnsafePointer<CChar>?>?, UnsafePointer<CInt>?, UnsafePointer<CInt>?) -> Value
    ) -> Value {
        self.octets.withUnsafeBytes { octets in
            let base = octets.assumingMemoryBound(to: CChar.self).baseAddress
            let values = self.places.map { place in place.flatMap { place in base.map { $0 + place.start } } }
            let lengths = self.places.map { CInt($0?.count ?? 0) }
            return body(values, lengths, [CInt](repeating: 1, count: values.count))
        }
    }
}
