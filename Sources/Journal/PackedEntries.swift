import Glibc
import Mail
import NIOCore
import SMTP
import Spool

/// Entries one behind the other, as a block holds them. Each is its octets' count (4 octets), when it happened (8), its
/// kind (1), which fields it has (4), and those fields in order: numbers of 8 octets, texts with their octets' count (4)
/// before them. Integers are little endian. Reading checks everything, since a disk can lie.
struct PackedEntries {
    /// The count, the time, the kind, the fields.
    private static let fixed = 4 + 8 + 1 + 4
    /// The bit of the field that is an entry's recipient.
    private static let to: UInt32 = 1 << 5
    /// A text's longest; a reply or a Subject may be long, and what is behind that tells nobody anything.
    static let textLimit = 2048

    private(set) var octets: [UInt8] = []
    private(set) var count = 0
    /// Where the newest text of each field is, by the field's bit; empty where none was written here.
    private var newest = [Range<Int>](repeating: 0..<0, count: 32)

    init() {}
    init(_ octets: [UInt8]) {
        self.octets = octets
        self.octets.withUnsafeBytes { all in
            var place = 0
            while let entry = Entry(all, at: place) {
                self.count += 1
                place = entry.end
            }
            // What is behind is no entry, and none that comes is to be put behind it.
            self.octets.removeLast(all.count - place)
        }
    }

    // MARK: writing

    /// Appends some of what a row of facts tells.
    ///
    /// - Parameter grams: the filter of these entries and no others.
    mutating func append(_ row: SharedFact, _ places: Range<Int>, _ grams: inout GramFilter) {
        guard let first = places.first else { return }
        let start = self.octets.count
        // One after the other: a choice between two facts would be a copy.
        if first == 0 {
            self.append(row.fact, &grams)
        } else {
            self.append(row.part(first..<first + 1).fact, &grams)
        }
        let others = row.others[first..<places.upperBound - 1]
        if !others.isEmpty { self.appendEntry(at: start, of: others, &grams) }
    }

    /// Appends an entry again for each of these recipients: that is all in which they differ, and costs a third of packing all of it
    /// anew.
    ///
    /// - Parameter start: of the last entry, which is about a recipient.
    private mutating func appendEntry(
        at start: Int, of recipients: ArraySlice<SharedFact.Recipient>, _ grams: inout GramFilter
    ) {
        let to = self.newest[Self.to.trailingZeroBitCount]
        precondition(to.lowerBound > start, "a fact of several recipients names none")
        var before = Array(self.octets[start..<to.lowerBound - 4])
        let after = Array(self.octets[to.upperBound...])
        var known = Array(self.octets[to])
        var path = OctetStream()
        for recipient in recipients {
            path.octets.removeAll(keepingCapacity: true)
            recipient.forwardPath.write(to: &path)
            path.octets.withUnsafeBytes { path in
                let text = UnsafeRawBufferPointer(rebasing: path.prefix(Self.textLimit))
                before.withUnsafeMutableBytes { before in
                    let octets = UInt32(before.count + 4 + text.count + after.count)
                    before.storeBytes(of: octets.littleEndian, as: UInt32.self)
                    // The first of its fields.
                    before.storeBytes(
                        of: Int64(recipient.index).littleEndian, toByteOffset: Self.fixed, as: Int64.self)
                }
                self.octets.append(before.count + 4 + text.count + after.count) { octets in
                    octets.copyBytes(from: before)
                    octets.storeBytes(
                        of: UInt32(text.count).littleEndian, toByteOffset: before.count, as: UInt32.self)
                    UnsafeMutableRawBufferPointer(rebasing: octets[(before.count + 4)...]).copyMemory(from: text)
                    UnsafeMutableRawBufferPointer(rebasing: octets[(before.count + 4 + text.count)...])
                        .copyBytes(from: after)
                }
                known.withUnsafeBytes { known in
                    grams.insert(text, butFor: UnsafeRawBufferPointer(rebasing: known.prefix(Self.textLimit)))
                }
            }
            swap(&known, &path.octets)
        }
        self.count += recipients.count
    }

    mutating func append(_ fact: Fact, _ grams: inout GramFilter) {
        let start = self.octets.count
        self.octets.append(Self.fixed) {
            // The count and the fields follow at the end, when they are known.
            $0.storeBytes(of: 0, as: UInt32.self)
            $0.storeBytes(of: fact.at.milliseconds.littleEndian, toByteOffset: 4, as: Int64.self)
            $0[12] = Self.code(of: fact.kind)
            $0.storeBytes(of: 0, toByteOffset: 13, as: UInt32.self)
        }
        var mask: UInt32 = 0
        var bit: UInt32 = 1
        func number(_ value: Int64?, _ entries: inout PackedEntries) {
            if let value {
                mask |= bit
                entries.write(value)
            }
            bit <<= 1
        }
        func text(_ value: String?, _ entries: inout PackedEntries, _ grams: inout GramFilter) {
            if var value {
                mask |= bit
                value.withUTF8 { entries.write(UnsafeRawBufferPointer($0), of: bit, &grams) }
            }
            bit <<= 1
        }
        number(fact.recipient.map(Int64.init), &self)
        number(fact.contentOctets.map(Int64.init), &self)
        number(fact.milliseconds, &self)
        text(fact.message?.description, &self, &grams)
        // One by one, since a list of them would be made for each entry.
        text(fact.from, &self, &grams)
        assert(bit == Self.to)
        text(fact.to, &self, &grams)
        text(fact.nextHop, &self, &grams)
        text(fact.remoteID, &self, &grams)
        text(fact.text, &self, &grams)
        text(fact.session, &self, &grams)
        text(fact.actor, &self, &grams)
        text(fact.security?.description, &self, &grams)
        let arrival = fact.arrival
        text(arrival?.peer, &self, &grams)
        text(arrival?.hello, &self, &grams)
        text(arrival?.with, &self, &grams)
        text(arrival?.tls, &self, &grams)
        text(arrival?.user, &self, &grams)
        text(fact.messageID, &self, &grams)
        if let subject = fact.subject {
            mask |= bit
            subject.withUnsafeReadableBytes { self.write($0, of: bit, &grams) }
        }
        bit <<= 1
        number((fact.saidBy?.rawValue).map(Int64.init), &self)
        self.octets.withUnsafeMutableBytes {
            $0.storeBytes(of: UInt32($0.count - start).littleEndian, toByteOffset: start, as: UInt32.self)
            $0.storeBytes(of: mask.littleEndian, toByteOffset: start + 13, as: UInt32.self)
        }
        self.count += 1
    }

    private mutating func write(_ number: Int64) {
        self.octets.append(8) { $0.storeBytes(of: number.littleEndian, as: Int64.self) }
    }
    private mutating func write(_ text: UnsafeRawBufferPointer, of field: UInt32, _ grams: inout GramFilter) {
        let text = UnsafeRawBufferPointer(rebasing: text.prefix(Self.textLimit))
        // Many are those of the entry before, whose runs the filter has.
        if !self.isNewest(text, of: field) { grams.insert(text) }
        self.write(text)
        self.newest[field.trailingZeroBitCount] = self.octets.count - text.count..<self.octets.count
    }
    private mutating func write(_ text: UnsafeRawBufferPointer) {
        self.octets.append(4 + text.count) {
            $0.storeBytes(of: UInt32(text.count).littleEndian, as: UInt32.self)
            UnsafeMutableRawBufferPointer(rebasing: $0[4...]).copyMemory(from: text)
        }
    }
    private func isNewest(_ text: UnsafeRawBufferPointer, of field: UInt32) -> Bool {
        let place = self.newest[field.trailingZeroBitCount]
        guard place.count == text.count, let start = text.baseAddress else { return false }
        return self.octets[place].withUnsafeBytes { $0.baseAddress.map { memcmp($0, start, text.count) == 0 } ?? false }
    }

    /// Takes a text that is put together of others, without making it first.
    private struct OctetStream: TextOutputStream {
        var octets: [UInt8] = []
        mutating func write(_ text: String) { self.octets.append(contentsOf: text.utf8) }
    }

    // MARK: kinds

    /// The places never change: they are on the disk. A new kind comes behind them.
    private static let kinds: [FactKind] = [
        .accepted, .deferred, .relayed, .bounced, .expired, .dropped, .held, .released, .retried, .restored, .reported,
        .damaged, .rerouted, .ruleSet, .ruleEnded, .refused, .limited, .readdressed, .purged, .closed, .drained,
        .undrained, .reloaded, .shutdown, .reloadFailed, .forgotten,
    ]
    private static func code(of kind: FactKind) -> UInt8 {
        // Those that come often are in front.
        guard let code = self.kinds.firstIndex(of: kind) else {
            preconditionFailure("the journal has no place for \(kind.rawValue)")
        }
        return UInt8(code)
    }
    /// The bit of a kind, where several are meant.
    static func bit(of kind: FactKind) -> UInt32 { 1 << UInt32(self.code(of: kind)) }

    // MARK: reading

    /// Where one entry is, with what can be told without reading all of it.
    struct Entry {
        let start: Int
        let end: Int
        let at: Timestamp
        /// Of ``PackedEntries/bit(of:)``.
        let kind: UInt32

        /// - Returns: `nil` where no whole entry is.
        init?(_ octets: UnsafeRawBufferPointer, at place: Int) {
            guard place >= 0, octets.count - place >= PackedEntries.fixed else { return nil }
            let count = Int(UInt32(littleEndian: octets.loadUnaligned(fromByteOffset: place, as: UInt32.self)))
            let kind = octets[place + 12]
            guard count >= PackedEntries.fixed, count <= octets.count - place, kind < PackedEntries.kinds.count else {
                return nil
            }
            self.start = place
            self.end = place + count
            self.at = Timestamp(
                milliseconds: Int64(
                    littleEndian: octets.loadUnaligned(fromByteOffset: place + 4, as: Int64.self)))
            self.kind = 1 << UInt32(kind)
        }

        /// - Returns: `nil` where the octets are not what was written.
        func fact(_ octets: UnsafeRawBufferPointer) -> Fact? {
            var reader = FieldReader(octets: octets, place: self.start + 13, end: self.end)
            guard let fields = reader.integer(UInt32.self) else { return nil }
            reader.fields = fields
            var fact = Fact(at: self.at, kind: PackedEntries.kinds[self.kind.trailingZeroBitCount], message: nil)
            fact.recipient = reader.number().map(Int.init)
            fact.contentOctets = reader.number().map(Int.init)
            fact.milliseconds = reader.number()
            fact.message = reader.text().flatMap { QueueID($0) }
            fact.from = reader.text()
            fact.to = reader.text()
            fact.nextHop = reader.text()
            fact.remoteID = reader.text()
            fact.text = reader.text()
            fact.session = reader.text()
            fact.actor = reader.text()
            fact.security = reader.text().map { SessionSecurity(description: $0) }
            let (peer, hello, with) = (reader.text(), reader.text(), reader.text())
            let (tls, user) = (reader.text(), reader.text())
            if let with {
                fact.arrival = Arrival(
                    peer: peer, hello: hello, with: with, session: fact.session, tls: tls, user: user)
            }
            fact.messageID = reader.text()
            fact.subject = reader.textOctets().map { ByteBuffer(bytes: $0) }
            fact.saidBy = reader.number().flatMap { ReplyAuthor(rawValue: Int(clamping: $0)) }
            return reader.isSound ? fact : nil
        }
    }

    private struct FieldReader {
        let octets: UnsafeRawBufferPointer
        var place: Int
        let end: Int
        var fields: UInt32 = 0
        var isSound = true

        mutating func integer<Value: FixedWidthInteger>(_ type: Value.Type) -> Value? {
            let count = MemoryLayout<Value>.size
            guard self.end - self.place >= count else {
                self.isSound = false
                return nil
            }
            defer { self.place += count }
            return Value(littleEndian: self.octets.loadUnaligned(fromByteOffset: self.place, as: Value.self))
        }
        private mutating func hasNext() -> Bool {
            defer { self.fields >>= 1 }
            return self.fields & 1 == 1 && self.isSound
        }
        mutating func number() -> Int64? { self.hasNext() ? self.integer(Int64.self) : nil }
        mutating func textOctets() -> UnsafeRawBufferPointer? {
            guard self.hasNext(), let count = self.integer(UInt32.self) else { return nil }
            guard Int(count) <= self.end - self.place else {
                self.isSound = false
                return nil
            }
            defer { self.place += Int(count) }
            return UnsafeRawBufferPointer(rebasing: self.octets[self.place..<self.place + Int(count)])
        }
        mutating func text() -> String? { self.textOctets().map { String(decoding: $0, as: UTF8.self) } }
    }
}
