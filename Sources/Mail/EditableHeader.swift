public import NIOCore

/// The header of a message as fields that can be added, changed and taken away. What is not touched stays octet for octet.
public struct EditableHeader: Sendable, Equatable {
    public struct Field: Sendable, Hashable {
        /// The name as written.
        public var name: String
        /// All behind the colon, without the line end of the last line.
        public var value: ByteBuffer
        /// As it came, with its line end; `nil` once it is changed.
        fileprivate var octets: ByteBuffer?

        public init(name: String, value: ByteBuffer) {
            self.name = name
            self.value = value
        }

        /// Whether it has that name, in any case of letters.
        func isNamed(_ name: String) -> Bool {
            self.name.utf8.count == name.utf8.count
                && zip(self.name.utf8, name.utf8).allSatisfy { left, right in
                    left == right || left | 0x20 == right | 0x20 && (0x61...0x7A).contains(left | 0x20)
                }
        }

        var count: Int { self.octets?.readableBytes ?? self.name.utf8.count + self.value.readableBytes + 3 }
    }

    public private(set) var fields: [Field] = []
    /// The empty line behind it, as it came; nothing where there was none.
    public private(set) var end = ByteBuffer()
    public private(set) var isChanged = false
    /// Octets of all of it.
    public private(set) var count = 0

    /// Reads the header at the start of some content.
    ///
    /// - Parameters:
    ///   - content: what is read of it is taken off.
    ///   - isComplete: no more of it follows.
    /// - Returns: `nil` when it takes more octets to find the end; then nothing is taken off.
    public init?(reading content: inout ByteBuffer, isComplete: Bool) {
        let octets = content.readableBytesView
        var (ranges, fieldsEnd, textStart) = MessageHeader(content).places
        // White space that continues nothing is no header.
        if ranges.first?.name.lowerBound ?? fieldsEnd != 0 { (ranges, fieldsEnd, textStart) = ([], 0, 0) }
        let isEndKnown =
            textStart > fieldsEnd
            ? octets[offset: textStart - 1..<textStart].first == 0x0A
            : octets.dropFirst(fieldsEnd).contains(0x0A)
        guard isComplete || isEndKnown else { return nil }
        self.fields = ranges.indices.map { place in
            let (name, value) = ranges[place]
            let next = place + 1 < ranges.count ? ranges[place + 1].name.lowerBound : fieldsEnd
            var field = Field(
                name: String(decoding: octets[offset: name], as: UTF8.self), value: content.slice(value))
            field.octets = content.slice(name.lowerBound..<next)
            return field
        }
        self.end = content.slice(fieldsEnd..<textStart)
        content.moveReaderIndex(forwardBy: textStart)
        self.count = textStart
    }

    // MARK: changes

    public mutating func append(_ field: Field) { self.insert(field, at: self.fields.count) }

    /// - Parameter place: among the fields; behind the last one means the end.
    public mutating func insert(_ field: Field, at place: Int) {
        self.isChanged = true
        // A last line without its end would run into what comes behind it.
        if let last = self.fields.indices.last, let octets = self.fields[last].octets,
            octets.readableBytesView.last != 0x0A
        {
            self.edit(last) { $0.octets = nil }
        }
        self.count += field.count
        self.fields.insert(field, at: min(max(place, 0), self.fields.count))
    }

    /// Changes a field, or takes it away.
    ///
    /// - Parameters:
    ///   - number: 1 is the first of that name, in any case of letters.
    ///   - value: as ``Field/value``; `nil`: it goes.
    /// - Returns: whether there was one.
    public mutating func change(_ name: String, number: Int, to value: ByteBuffer?) -> Bool {
        let places = self.fields.indices.lazy.filter { [fields] in fields[$0].isNamed(name) }
        guard number >= 1, let place = places.dropFirst(number - 1).first else { return false }
        self.isChanged = true
        if let value {
            self.edit(place) { field in
                field.value = value
                field.octets = nil
            }
        } else {
            self.count -= self.fields.remove(at: place).count
        }
        return true
    }

    private mutating func edit(_ place: Int, _ body: (inout Field) -> Void) {
        self.count -= self.fields[place].count
        body(&self.fields[place])
        self.count += self.fields[place].count
    }

    public func write(into buffer: inout ByteBuffer) {
        for field in self.fields {
            if let octets = field.octets {
                buffer.writeImmutableBuffer(octets)
            } else {
                buffer.writeString(field.name)
                buffer.writeStaticString(":")
                buffer.writeImmutableBuffer(field.value)
                buffer.writeStaticString("\r\n")
            }
        }
        buffer.writeImmutableBuffer(self.end)
    }
}

extension ByteBuffer {
    /// - Parameter range: offsets from the first readable octet.
    fileprivate func slice(_ range: Range<Int>) -> ByteBuffer {
        self.getSlice(at: self.readerIndex + range.lowerBound, length: range.count) ?? ByteBuffer()
    }
}

extension ByteBufferView {
    fileprivate subscript(offset range: Range<Int>) -> ByteBufferView {
        self[(self.startIndex + range.lowerBound)..<(self.startIndex + range.upperBound)]
    }
}
