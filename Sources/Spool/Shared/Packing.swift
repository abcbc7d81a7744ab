import Mail
import NIOCore
import SMTP

/// Packs an envelope, or recipients, into a column: a version octet, then fields in a fixed order, then a ``Digest`` of all
/// that, which version 1 did not have: mail goes to nobody by a flipped bit. Integers are big endian, a text has its octets'
/// count before it. Reading checks everything, since a disk can lie.
struct Packer {
    static let version: UInt8 = 2
    private var octets: [UInt8] = []

    init(recipients: Int = 1) {
        self.octets.reserveCapacity(160 + 96 * recipients)
        self.octets.append(Self.version)
    }

    /// The octets with their digest, after which nothing is to be written.
    private mutating func finish() -> [UInt8] {
        self.write(self.octets.withUnsafeBytes(Digest.of))
        return self.octets
    }

    private mutating func write(_ octet: UInt8) { self.octets.append(octet) }
    private mutating func write(_ integer: some FixedWidthInteger) {
        self.octets.append(integer.bitWidth / 8) { Self.put(integer, $0, at: 0) }
    }
    private static func put(_ integer: some FixedWidthInteger, _ octets: UnsafeMutableRawBufferPointer, at place: Int) {
        octets.storeBytes(of: integer.bigEndian, toByteOffset: place, as: type(of: integer))
    }

    private mutating func write(_ text: String) {
        var text = text
        text.withUTF8 { text in
            self.octets.append(4 + text.count) {
                Self.put(UInt32(text.count), $0, at: 0)
                UnsafeMutableRawBufferPointer(rebasing: $0[4...]).copyMemory(from: UnsafeRawBufferPointer(text))
            }
        }
    }
    private mutating func write(_ text: String?) {
        self.write(UInt8(text == nil ? 0 : 1))
        if let text { self.write(text) }
    }
    private mutating func write(_ time: Timestamp?) {
        self.write(UInt8(time == nil ? 0 : 1))
        if let time { self.write(time.milliseconds) }
    }
    private mutating func write(_ path: Path?) {
        self.write(UInt8(path == nil ? 0 : 1))
        guard let path else { return }
        self.write(UInt16(path.route.count))
        for host in path.route { self.write(host.text) }
        self.write(path.mailbox.localPart)
        self.write(path.mailbox.domain.text)
    }
    private mutating func write(_ parameters: [Parameter]) {
        self.write(UInt16(parameters.count))
        for parameter in parameters {
            self.write(parameter.keyword)
            self.write(parameter.value)
        }
    }

    /// The part of a message that never changes.
    static func envelope(of message: SpooledMessage) -> [UInt8] {
        self.envelope(message.reversePath, message.parameters, message.arrival)
    }

    static func envelope(_ reversePath: ReversePath, _ parameters: [Parameter], _ arrival: Arrival) -> [UInt8] {
        var packer = Packer()
        switch reversePath {
        case .null: packer.write(Path?.none)
        case .path(let path): packer.write(path)
        }
        packer.write(parameters)
        packer.write(arrival.peer)
        packer.write(arrival.hello)
        packer.write(arrival.session)
        packer.write(arrival.tls)
        packer.write(arrival.user)
        packer.write(arrival.with)
        return packer.finish()
    }

    static func recipients(_ recipients: [SpooledRecipient]) -> [UInt8] {
        var packer = Packer(recipients: recipients.count)
        packer.write(UInt32(recipients.count))
        for place in recipients.indices { packer.write(recipients[place]) }
        return packer.finish()
    }

    /// The recipients of a fact behind the first.
    static func others(_ recipients: [SharedFact.Recipient]) -> [UInt8] {
        var packer = Packer(recipients: recipients.count)
        packer.write(UInt32(recipients.count))
        for recipient in recipients {
            packer.write(UInt32(recipient.index))
            packer.write(recipient.forwardPath)
        }
        return packer.finish()
    }

    private mutating func write(_ forwardPath: ForwardPath) {
        switch forwardPath {
        case .postmaster: self.write(Path?.none)
        case .path(let path): self.write(path)
        }
    }

    private mutating func write(_ recipient: SpooledRecipient) {
        self.write(UInt32(recipient.index))
        self.write(recipient.forwardPath)
        self.write(recipient.parameters)
        // What few recipients have is written where its flag is set.
        let flags =
            UInt8((recipient.moved ? 1 : 0) | (recipient.delayNoticed ? 2 : 0))
            | (recipient.heldUnder == nil ? 0 : 4) | (recipient.via == nil ? 0 : 8)
            | (recipient.returnedBy == nil ? 0 : 16) | (recipient.lastSaidBy == nil ? 0 : 32)
        self.octets.append(16) {
            $0[0] = flags
            $0[1] = recipient.state.rawValue
            Self.put(recipient.generation, $0, at: 2)
            Self.put(recipient.tries, $0, at: 6)
            Self.put(recipient.due.milliseconds, $0, at: 8)
        }
        self.write(recipient.heldSince)
        self.write(recipient.heldTotal)
        self.write(recipient.nextHop)
        self.write(recipient.lastReply)
        self.write(recipient.remoteID)
        self.write(recipient.settledAt)
        if let rule = recipient.heldUnder { self.write(rule) }
        if let via = recipient.via { self.write(via) }
        if let name = recipient.returnedBy { self.write(name) }
        if let author = recipient.lastSaidBy { self.write(UInt8(author.rawValue)) }
    }
}

/// Reads what ``Packer`` writes; octets that it did not write are refused with ``SpoolError`` `.damaged`.
struct Unpacker {
    private var buffer: ByteBuffer
    private let id: QueueID

    init(_ buffer: ByteBuffer, of id: QueueID) throws(SpoolError) {
        self.buffer = buffer
        self.id = id
        switch try self.integer(UInt8.self) {
        case 1: break
        case Packer.version: try self.takeDigest(of: buffer)
        default: throw self.damage
        }
    }

    /// The digest is at the end of the octets that are still to be read.
    private mutating func takeDigest(of whole: ByteBuffer) throws(SpoolError) {
        let octets = MemoryLayout<Int64>.size
        guard let rest = self.buffer.readSlice(length: self.buffer.readableBytes - octets),
            self.buffer.readInteger(as: Int64.self)
                == whole.withUnsafeReadableBytes({ Digest.of(.init(rebasing: $0.dropLast(octets))) })
        else { throw self.damage }
        self.buffer = rest
    }

    /// A version 2 whose version was changed to 1 has its digest left.
    private func checkEnd() throws(SpoolError) {
        guard self.buffer.readableBytes == 0 else { throw self.damage }
    }

    private var damage: SpoolError {
        SpoolError(.damaged, "the spool's row of \(self.id) is damaged", queueID: self.id)
    }

    private mutating func integer<Integer: FixedWidthInteger>(_: Integer.Type) throws(SpoolError) -> Integer {
        guard let value = self.buffer.readInteger(as: Integer.self) else { throw self.damage }
        return value
    }
    private mutating func text() throws(SpoolError) -> String {
        guard let text = self.buffer.readString(length: Int(try self.integer(UInt32.self))) else { throw self.damage }
        return text
    }
    private mutating func isPresent() throws(SpoolError) -> Bool {
        switch try self.integer(UInt8.self) {
        case 0: false
        case 1: true
        default: throw self.damage
        }
    }
    private mutating func optionalText() throws(SpoolError) -> String? {
        try self.isPresent() ? try self.text() : nil
    }
    private mutating func optionalTime() throws(SpoolError) -> Timestamp? {
        try self.isPresent() ? Timestamp(milliseconds: try self.integer(Int64.self)) : nil
    }
    private mutating func path() throws(SpoolError) -> Path? {
        guard try self.isPresent() else { return nil }
        var route: [Domain] = []
        for _ in 0..<(try self.integer(UInt16.self)) { route.append(Domain(try self.text())) }
        let localPart = try self.text()
        return Path(route: route, mailbox: Mailbox(localPart: localPart, domain: Domain(try self.text())))
    }
    private mutating func parameters() throws(SpoolError) -> [Parameter] {
        var parameters: [Parameter] = []
        for _ in 0..<(try self.integer(UInt16.self)) {
            let keyword = try self.text()
            parameters.append(Parameter(keyword, try self.optionalText()))
        }
        return parameters
    }

    mutating func envelope() throws(SpoolError) -> (ReversePath, [Parameter], Arrival) {
        let reversePath = try self.path().map(ReversePath.path) ?? .null
        let parameters = try self.parameters()
        let peer = try self.optionalText()
        let hello = try self.optionalText()
        let session = try self.optionalText()
        let tls = try self.optionalText()
        let user = try self.optionalText()
        let with = try self.text()
        try self.checkEnd()
        return (
            reversePath, parameters,
            Arrival(peer: peer, hello: hello, with: with, session: session, tls: tls, user: user)
        )
    }

    mutating func recipients() throws(SpoolError) -> [SpooledRecipient] {
        var recipients: [SpooledRecipient] = []
        for _ in 0..<(try self.integer(UInt32.self)) { recipients.append(try self.recipient()) }
        try self.checkEnd()
        return recipients
    }

    mutating func others() throws(SpoolError) -> [SharedFact.Recipient] {
        var recipients: [SharedFact.Recipient] = []
        for _ in 0..<(try self.integer(UInt32.self)) {
            let index = Int(try self.integer(UInt32.self))
            recipients.append(SharedFact.Recipient(index: index, forwardPath: try self.forwardPath()))
        }
        try self.checkEnd()
        return recipients
    }

    private mutating func forwardPath() throws(SpoolError) -> ForwardPath {
        try self.path().map(ForwardPath.path) ?? .postmaster
    }

    private mutating func recipient() throws(SpoolError) -> SpooledRecipient {
        let index = Int(try self.integer(UInt32.self))
        let forwardPath = try self.forwardPath()
        let parameters = try self.parameters()
        let flags = try self.integer(UInt8.self)
        guard let state = RecipientState(rawValue: try self.integer(UInt8.self)) else { throw self.damage }
        var recipient = SpooledRecipient(
            index: index, forwardPath: forwardPath, parameters: parameters, moved: flags & 1 != 0, state: state,
            generation: try self.integer(UInt32.self), tries: try self.integer(UInt16.self),
            due: Timestamp(milliseconds: try self.integer(Int64.self)))
        recipient.delayNoticed = flags & 2 != 0
        recipient.heldSince = try self.optionalTime()
        recipient.heldTotal = try self.integer(Int64.self)
        recipient.nextHop = try self.optionalText()
        recipient.lastReply = try self.optionalText()
        recipient.remoteID = try self.optionalText()
        recipient.settledAt = try self.optionalTime()
        if flags & 4 != 0 { recipient.heldUnder = try self.integer(Int64.self) }
        if flags & 8 != 0 { recipient.via = try self.text() }
        if flags & 16 != 0 { recipient.returnedBy = try self.text() }
        if flags & 32 != 0 {
            guard let author = ReplyAuthor(rawValue: Int(try self.integer(UInt8.self))) else { throw self.damage }
            recipient.lastSaidBy = author
        }
        return recipient
    }
}
