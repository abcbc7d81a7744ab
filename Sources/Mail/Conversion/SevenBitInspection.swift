public import NIOCore

/// Finds out whether content can go to a next hop without 8BITMIME (RFC 6152 §3) or BINARYMIME (RFC 3030 §3), and what
/// has to be done to each entity: the first of two passes, for the label stands before what it describes.
public struct SevenBitInspection: Sendable {
    /// Why content cannot be converted: to be bounced with 5.6.3.
    public enum Obstacle: String, Error, Hashable, Sendable {
        /// A signature or encryption covers octets that would have to be changed.
        case signed = "8-bit content is under a signature, or encrypted"
        /// Nothing can be made of it.
        case header = "a header field has a NUL"
        /// Labelled as encoded, but it is not; or a multipart without a usable boundary.
        case malformed = "8-bit content is not as its MIME fields say"
        case tooManyParts = "it has too many parts"
    }

    public enum Verdict: Sendable, Equatable {
        /// It is 7-bit, and in lines that every hop takes.
        case unneeded
        case possible(SevenBitPlan)
        case impossible(Obstacle)
    }

    private static let entityLimit = 10_000

    private var walker = MIMEWalker()
    private var obstacle: Obstacle?
    private var isNeeded = false
    /// A field of the header, or of a part's, has octets over 127. They say of themselves that they are UTF-8 only where the
    /// message came with SMTPUTF8 (RFC 6532); else they go on as they came, as they do in mail that declares nothing.
    public private(set) var isHeaderEightBit = false
    private var treatments: [SevenBitPlan.Treatment] = []
    /// Entities that are not settled yet, for a leaf is only known at its end.
    private var leaf = ContentSurvey()
    private var text = UTF8Check()
    private var outside = ContentSurvey()
    /// The multipart that began last, until its first delimiter comes: what it is, and whether 8-bit octets came.
    private var awaited: (boundary: [UInt8], isEightBit: Bool)?

    public init() {}

    public mutating func receive(_ chunk: ByteBuffer) {
        var walker = self.walker
        walker.receive(chunk.readableBytesView) { self.take($0) }
        self.walker = walker
    }

    public mutating func finish() -> Verdict {
        var walker = self.walker
        walker.finish { self.take($0) }
        self.outside.finish()
        if self.awaited?.isEightBit == true { self.obstruct(.malformed) }
        if self.outside.isBinary || self.outside.isEightBit { self.isNeeded = true }
        if let obstacle = self.obstacle { return .impossible(obstacle) }
        return self.isNeeded ? .possible(SevenBitPlan(treatments: self.treatments)) : .unneeded
    }

    private mutating func take(_ event: MIMEWalker.Event) {
        switch event {
        case .field(let octets, _):
            if octets.contains(where: { $0 >= 0x80 }) { self.isHeaderEightBit = true }
            if octets.contains(0) { self.obstruct(.header) }
        case .headerEnd(let entity, _): self.enter(entity)
        case .body(let octets):
            octets.withUnsafeBytes { self.leaf.receive($0) }
            self.text.receive(octets)
        case .bodyEnd(let entity): self.leave(entity)
        case .outside(let octets):
            if octets.contains(where: { $0 >= 0x80 }) { self.awaited?.isEightBit = true }
            octets.withUnsafeBytes { self.outside.receive($0) }
        case .delimiter(let octets):
            if let awaited = self.awaited {
                // Without its own delimiter the multipart had all its content where nobody shows it, and it is kept.
                let line = octets.drop { $0 == 0x0D || $0 == 0x0A }.dropFirst(2)
                if awaited.isEightBit, !line.starts(with: awaited.boundary) { self.obstruct(.malformed) }
                self.awaited = nil
            }
            // A boundary has no octets over 127 (RFC 2046 §5.1.1), or its field has them too.
            octets.withUnsafeBytes { self.outside.receive($0) }
        }
    }

    private mutating func enter(_ entity: MIMEEntity) {
        guard self.treatments.count < Self.entityLimit else { return self.obstruct(.tooManyParts) }
        switch (entity.kind, entity.encoding) {
        case (.multipart, .eightBit), (.multipart, .binary), (.message, .eightBit), (.message, .binary):
            self.treatments.append(.relabel)
        case (.multipart, _), (.message, _), (.leaf, _), (.sealed, _): self.treatments.append(.leave)
        }
        if case .multipart(let boundary, _) = entity.kind { self.awaited = (boundary, false) }
        self.leaf = ContentSurvey()
        self.text = UTF8Check()
    }

    private mutating func leave(_ entity: MIMEEntity) {
        self.leaf.finish()
        guard self.leaf.isEightBit || self.leaf.isBinary else {
            if case .leaf = entity.kind, entity.encoding == .eightBit || entity.encoding == .binary {
                self.settle(.relabel)
            }
            return
        }
        self.isNeeded = true
        switch (entity.kind, entity.encoding) {
        case (.sealed(let obstacle), _): self.obstruct(obstacle)
        case (_, .quotedPrintable), (_, .base64), (_, .unknown): self.obstruct(.malformed)
        case (.leaf(isText: false), .sevenBit), (.leaf(isText: false), .eightBit), (.leaf(isText: false), .binary):
            self.settle(.base64)
        case (.leaf(isText: true), _) where entity.hasType: self.settle(.quotedPrintable)
        case (.leaf(isText: true), _), (.multipart, _), (.message, _):
            self.settle(self.text.isValid ? .typedUTF8 : .typedUnknown)
        }
    }

    private mutating func settle(_ treatment: SevenBitPlan.Treatment) {
        guard let last = self.treatments.indices.last else { return }
        self.treatments[last] = treatment
    }

    private mutating func obstruct(_ obstacle: Obstacle) { self.obstacle = self.obstacle ?? obstacle }
}

/// What ``SevenBitInspection`` found, for ``SevenBitConverter``: an octet for each entity.
public struct SevenBitPlan: Sendable, Equatable {
    enum Treatment: UInt8, Sendable {
        /// The entity stays octet for octet.
        case leave
        /// The label becomes `7bit`, the body stays.
        case relabel
        case quotedPrintable
        case base64
        /// Text without a Content-Type: it gets one, and quoted-printable (RFC 1428 §3 for the unknown charset).
        case typedUTF8
        case typedUnknown
    }
    var treatments: [Treatment]
}

extension ContentSurvey {
    var isEightBit: Bool { self.isHeaderEightBit || self.isBodyEightBit }
}
