import Mail
import Monitor

/// Something of a message to be read: its header and text, as people read it or as it came, or the card for whoever asked.
struct MessageText {
    enum Kind {
        /// Fields and text decoded, parts as a tree.
        case readable
        /// As it came.
        case raw
        /// What became of a recipient, to be handed on. It has no frame, so that it can be copied from the terminal.
        case ticket

        var title: String {
            switch self {
            case .readable: "envelope, header and text"
            case .raw: "as it came"
            case .ticket: ""
            }
        }
    }
    private struct Line {
        enum Role { case field, text, part }
        var text: String
        var role = Role.text
    }

    let kind: Kind
    private var lines: [Line] = []
    private var top = 0

    init(_ kind: Kind) { self.kind = kind }

    /// - Parameter recipient: whom the card is about.
    mutating func fill(_ detail: MessageDetail, _ recipient: RecipientDetail?, _ around: Surroundings) {
        switch self.kind {
        case .readable:
            let header = Self.lines(detail.header, .field).map { Line(text: EncodedWord.decode($0.text), role: .field) }
            let text = detail.parts.map { Self.lines(of: $0, around) } ?? Self.lines(detail.text, .text)
            let content = Self.joined(header, text)
            let gone = Line(text: "the text is no longer kept", role: .part)
            self.lines = Self.envelope(detail) + (content.isEmpty ? [gone] : content)
        case .raw: self.lines = Self.joined(Self.lines(detail.header, .field), Self.lines(detail.text, .text))
        case .ticket: self.lines = recipient.map { detail.ticket($0, around.now).map { Line(text: $0) } } ?? []
        }
    }

    /// What the session said of it, which is not what its header says (RFC 5321 §2.3.1).
    private static func envelope(_ detail: MessageDetail) -> [Line] {
        let client = [detail.with, detail.hello, detail.peer.map { "[\($0)]" }, detail.tls].compactMap { $0 }
        var fields = [("MAIL FROM", ([detail.from] + detail.parameters).joined(separator: " "))]
        fields += detail.recipients.map { ("RCPT TO", "\($0.forwardPath)  \($0.state.word)") }
        fields.append(("Client", client.isEmpty ? "made here" : client.joined(separator: " ")))
        if let user = detail.user { fields.append(("User", user)) }
        if let session = detail.session { fields.append(("Session", session.id)) }
        fields.append(("Arrived", "\(Format.minute(detail.arrived)) UTC"))
        return [Line(text: "- envelope", role: .part)] + fields.map { Line(text: "\($0.0): \($0.1)", role: .field) }
            + [Line(text: ""), Line(text: "- header", role: .part)]
    }

    private static func joined(_ header: [Line], _ text: [Line]) -> [Line] {
        header + (header.isEmpty || text.isEmpty ? [] : [Line(text: "")]) + text
    }

    private static func lines(_ text: String?, _ role: Line.Role) -> [Line] {
        var lines = (text ?? "").split(separator: "\n", omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        return lines.map { Line(text: String($0), role: role) }
    }

    /// Each part behind a line about it, but for a text that is all there is.
    private static func lines(of parts: [MessagePart], _ around: Surroundings) -> [Line] {
        let cut = Line(text: "(it goes on: \(around.sentence(.write, "writes all of it")))", role: .part)
        return parts.flatMap { part in
            let text = self.lines(part.text, .text)
            return (parts.count == 1 && part.text != nil ? [] : [Line(text: part.words, role: .part)]) + text
                + (part.text != nil && part.isCut ? [cut] : [])
        }
    }

    /// The rows as they are shown: lines that are too long go on in the next one.
    private func rows(_ columns: Int) -> [(text: SafeText, role: Line.Role)] {
        self.lines.flatMap { line in
            let safe = SafeText(line: line.role == .field ? DomainName.disclosing(line.text) : line.text)
            return (safe.isEmpty ? [safe] : safe.wrapped(max(2, columns))).map { ($0, line.role) }
        }
    }
    private func room(_ area: Rect) -> (columns: Int, rows: Int) {
        self.kind == .ticket ? (area.width, area.height) : (area.width - 4, max(1, area.height - 2))
    }

    mutating func move(_ motion: Motion, _ around: Surroundings) {
        let room = self.room(around.body)
        let last = max(0, self.rows(room.columns).count - room.rows)
        self.top = max(0, min(motion.target(from: min(self.top, last), count: last + 1, height: room.rows), last))
    }

    /// - Returns: whether some line has the word.
    mutating func search(_ search: Search, _ around: Surroundings) -> Bool {
        let texts = self.rows(self.room(around.body).columns).map(\.text.description)
        guard let found = search.find(in: texts, from: self.top) else { return false }
        self.top = found
        return true
    }

    func paint(_ id: String, _ painter: inout Painter, _ area: Rect, _ around: Surroundings) {
        let other = around.sentence(.raw, self.kind == .raw ? "readable" : "as it came")
        let hint = "\(other)  \(around.sentence(.header, "back"))"
        let inner =
            self.kind == .ticket
            ? area : painter.box(area, title: "\(id)  \(self.kind.title)", right: hint, isFocused: true).inset(1, 0)
        guard !self.lines.isEmpty else {
            painter.empty(["the text is no longer kept"], in: inner)
            return
        }
        let lines = self.rows(self.room(area).columns)
        let top = max(0, min(self.top, lines.count - inner.height))
        for (row, line) in lines.dropFirst(top).prefix(inner.height).enumerated() {
            let isField = line.role == .field && line.text.cells.first?.text != " "
            let y = inner.y + row
            guard let colon = isField ? line.text.cells.firstIndex(where: { $0.text == ":" }) : nil else {
                let role: Role = line.role == .part ? .muted : .base
                painter.text(line.text, x: inner.x, y: y, columns: inner.width, role: role)
                continue
            }
            painter.text(
                line.text.window(columns: colon + 1), x: inner.x, y: y, columns: inner.width, role: .title)
            painter.text(
                line.text.window(from: colon + 1, columns: inner.width), x: inner.x + 1 + colon, y: y,
                columns: inner.width - 1 - colon, role: .base)
        }
        painter.canvas.cursor = Point(x: inner.x, y: inner.y)
    }

    /// Everything, as text for a file.
    var text: String { self.lines.map { SafeText(line: $0.text).description + "\n" }.joined() }
}

extension MessagePart {
    /// `  - text/plain, utf-8, quoted-printable, 1.2 KiB`
    fileprivate var words: String {
        let name = self.name.map { "\"\($0)\"" }
        let size =
            self.octets > 0
            ? (self.isCut && self.text == nil ? "more than " : "") + Format.octetsLong(self.octets) : nil
        let words = [self.type, name, self.charset, self.encoding, size].compactMap { $0 }.joined(separator: ", ")
        return String(repeating: "  ", count: min(self.depth, 20)) + "- " + words
    }
}
