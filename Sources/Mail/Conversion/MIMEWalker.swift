/// Walks through the entities of a message while it streams by (RFC 2045, RFC 2046 §5.1). All octets come out again, in
/// their order, each with what it is; memory is bounded by the longest field that matters and by the nesting.
struct MIMEWalker: Sendable {
    enum Event {
        /// A piece of the header of entity `index`; the first of a field has its name.
        case field(ArraySlice<UInt8>, startsField: Bool)
        /// `line` is the empty one, or nothing where the body begins without.
        case headerEnd(MIMEEntity, line: ArraySlice<UInt8>)
        case body(ArraySlice<UInt8>)
        /// A leaf's body is over; the CRLF before a delimiter is the delimiter's.
        case bodyEnd(MIMEEntity)
        /// What belongs to no entity: before the first and behind the last delimiter.
        case outside(ArraySlice<UInt8>)
        case delimiter(ArraySlice<UInt8>)
    }

    private enum State: Sendable {
        case header(MIMEEntity)
        case body(MIMEEntity)
        case outside
    }

    private static let fieldOctets = 8 << 10
    /// A multipart further down is not looked into.
    private static let depthLimit = 64
    private static let lineEnd: [UInt8] = [0x0D, 0x0A]

    private var pieces = LinePieces()
    private var state = State.header(MIMEEntity(isMessage: true))
    private var parents: [(boundary: [UInt8], isDigest: Bool)] = []
    /// The field of the header being read; what is over the limit is forgotten.
    private var field: [UInt8] = []
    /// A CRLF that waits to be known as the body's or the delimiter's.
    private var isHoldingLineEnd = false

    mutating func receive(_ octets: some Collection<UInt8>, _ emit: (Event) -> Void) {
        var pieces = self.pieces
        pieces.receive(octets) { self.take($0, emit) }
        self.pieces = pieces
    }

    mutating func finish(_ emit: (Event) -> Void) {
        var pieces = self.pieces
        pieces.finish { self.take($0, emit) }
        self.releaseLineEnd(emit)
        switch self.state {
        case .header(let entity): self.endHeader(entity, line: [], emit)
        case .body, .outside: break
        }
        self.endBody(emit)
    }

    private mutating func take(_ piece: LinePieces.Piece, _ emit: (Event) -> Void) {
        if piece.startsLine, let (depth, isLast) = self.delimiter(piece.text) {
            return self.takeDelimiter(piece.octets, depth: depth, isLast: isLast, emit)
        }
        switch self.state {
        case .header(let entity): self.takeHeader(piece, entity, emit)
        case .body, .outside: self.takeBody(piece, emit)
        }
    }

    // MARK: header

    private mutating func takeHeader(_ piece: LinePieces.Piece, _ entity: MIMEEntity, _ emit: (Event) -> Void) {
        guard piece.startsLine else { return self.takeField(piece, startsField: false, emit) }
        if piece.text.isEmpty, piece.endsLine { return self.endHeader(entity, line: piece.octets, emit) }
        if let first = piece.text.first, first == 0x20 || first == 0x09 {
            return self.takeField(piece, startsField: false, emit)
        }
        guard let colon = piece.text.firstIndex(of: UInt8(ascii: ":")), colon > piece.text.startIndex,
            piece.text[..<colon].allSatisfy({ $0 > 0x20 && $0 < 0x7F || $0 == 0x20 || $0 == 0x09 })
        else {
            self.endHeader(entity, line: [], emit)  // No field: the text begins without an empty line.
            return self.take(piece, emit)
        }
        self.takeField(piece, startsField: true, emit)
    }

    private mutating func takeField(_ piece: LinePieces.Piece, startsField: Bool, _ emit: (Event) -> Void) {
        if startsField { self.endField() }
        if self.field.count + piece.octets.count <= Self.fieldOctets { self.field += piece.text }
        emit(.field(piece.octets, startsField: startsField))
    }

    private mutating func endField() {
        guard case .header(var entity) = self.state, !self.field.isEmpty else { return }
        entity.take(self.field)
        self.field = []
        self.state = .header(entity)
    }

    private mutating func endHeader(_ before: MIMEEntity, line: ArraySlice<UInt8>, _ emit: (Event) -> Void) {
        self.endField()
        var entity = before
        if case .header(let complete) = self.state { entity = complete }
        entity.headerEnded()
        if case .multipart = entity.kind, self.parents.count >= Self.depthLimit { entity.kind = .sealed(.tooManyParts) }
        emit(.headerEnd(entity, line: line))
        switch entity.kind {
        case .leaf, .sealed: self.state = .body(entity)
        case .multipart(let boundary, let isDigest):
            self.parents.append((boundary, isDigest))
            self.state = .outside
        case .message: self.state = .header(MIMEEntity(isMessage: true))
        }
    }

    // MARK: body

    private mutating func takeBody(_ piece: LinePieces.Piece, _ emit: (Event) -> Void) {
        self.releaseLineEnd(emit)
        if piece.endsLine, !self.parents.isEmpty {
            self.emitBody(piece.text, emit)
            self.isHoldingLineEnd = true
        } else {
            self.emitBody(piece.octets, emit)
        }
    }

    private func emitBody(_ octets: ArraySlice<UInt8>, _ emit: (Event) -> Void) {
        guard !octets.isEmpty else { return }
        switch self.state {
        case .header, .outside: emit(.outside(octets))
        case .body: emit(.body(octets))
        }
    }

    private mutating func releaseLineEnd(_ emit: (Event) -> Void) {
        guard self.isHoldingLineEnd else { return }
        self.isHoldingLineEnd = false
        self.emitBody(Self.lineEnd[...], emit)
    }

    private mutating func endBody(_ emit: (Event) -> Void) {
        switch self.state {
        case .body(let entity): emit(.bodyEnd(entity))
        case .header, .outside: break
        }
        self.state = .outside
    }

    // MARK: delimiters

    /// The delimiter of the innermost multipart that has it; an outer one ends those inside (RFC 2046 §5.1.2).
    private func delimiter(_ line: ArraySlice<UInt8>) -> (depth: Int, isLast: Bool)? {
        guard !self.parents.isEmpty, line.starts(with: [0x2D, 0x2D]) else { return nil }
        let end = line.lastIndex { $0 != 0x20 && $0 != 0x09 } ?? line.startIndex
        let written = line[line.index(line.startIndex, offsetBy: 2)..<max(end + 1, line.startIndex + 2)]
        for depth in self.parents.indices.reversed() {
            let boundary = self.parents[depth].boundary
            guard written.starts(with: boundary) else { continue }
            let rest = written.dropFirst(boundary.count)
            if rest.isEmpty { return (depth, false) }
            if rest.elementsEqual([0x2D, 0x2D]) { return (depth, true) }
        }
        return nil
    }

    private mutating func takeDelimiter(
        _ line: ArraySlice<UInt8>, depth: Int, isLast: Bool, _ emit: (Event) -> Void
    ) {
        switch self.state {
        case .header(let entity): self.endHeader(entity, line: [], emit)
        case .body, .outside: break
        }
        self.endBody(emit)
        let written = self.isHoldingLineEnd ? Self.lineEnd[...] + line : line
        self.isHoldingLineEnd = false
        emit(.delimiter(written))
        self.parents.removeSubrange((isLast ? depth : depth + 1)...)
        if !isLast {
            self.state = .header(MIMEEntity(isInDigest: self.parents[depth].isDigest, isMessage: false))
        }
    }
}
