import Mail
import Milter
import NIOCore
import SMTP
import Spool

/// What one filter makes of a message, as long as it may still fail.
struct MessageDraft: Sendable {
    /// Octets of a header that filters may make.
    private static let headerLimit = 2 * FilteredContent.headerLimit
    /// Changes that are told of in words.
    private static let wordsLimit = 10

    private(set) var content: FilteredContent
    private(set) var envelope: Envelope
    private(set) var body: FilteredContent.NewBody?
    private(set) var quarantine: String?
    private var did: [String] = []

    init(_ content: FilteredContent, _ envelope: Envelope) {
        self.content = content
        self.envelope = envelope
    }

    struct TooLarge: Error, CustomStringConvertible {
        var description: String { "it made the header larger than \(MessageDraft.headerLimit) octets" }
    }

    /// What was done, for the log and the transcript; `nil`: nothing.
    var words: String? {
        guard !self.did.isEmpty else { return nil }
        let more = self.did.count - Self.wordsLimit
        return self.did.prefix(Self.wordsLimit).joined(separator: ", ") + (more > 0 ? ", and \(more) more" : "")
    }

    /// Nothing more is changed.
    mutating func end() async throws {
        if let body = self.body { try await self.content.replaceBody(with: body) }
    }

    /// - Parameter files: gets those that are made for it.
    mutating func apply(
        _ change: MilterChange, in place: FilteredContent.Place, files: inout [any StreamedContent]
    ) async throws {
        switch change {
        case .addHeader(let field):
            self.content.header.append(.init(name: field.name, value: field.value))
            self.did.append("added \(field.name)")
        case .insertHeader(let field, let number):
            self.content.header.insert(.init(name: field.name, value: field.value), at: number - 1)
            self.did.append("added \(field.name)")
        case .changeHeader(let field, let number): self.changeHeader(field, number)
        case .body(let piece):
            var body = self.body ?? FilteredContent.NewBody()
            if self.body == nil { self.did.append("replaced the body") }
            try await body.append(piece, in: place, files: &files)
            self.body = body
        case .addRecipient(let path, let parameters):
            guard !self.envelope.recipients.contains(where: { $0.forwardPath.isSameMailbox(as: path) }) else { return }
            self.envelope.recipients.append(.init(path, parameters: parameters))
            self.did.append("added \(path)")
        case .deleteRecipient(let path):
            let before = self.envelope.recipients.count
            self.envelope.recipients.removeAll { $0.forwardPath.isSameMailbox(as: path) }
            if self.envelope.recipients.count < before { self.did.append("took \(path) away") }
        case .changeSender(let path, let parameters):
            self.envelope.reversePath = path
            for parameter in parameters where Self.takenFromFilters.contains(parameter.keyword.uppercased()) {
                self.envelope.parameters.removeAll { $0.keyword.uppercased() == parameter.keyword.uppercased() }
                self.envelope.parameters.append(parameter)
            }
            self.did.append("made the sender \(path)")
        case .quarantine(let reason):
            self.quarantine = reason
            self.did.append("put it on hold: \(reason)")
        }
        guard self.content.header.count <= Self.headerLimit else { throw TooLarge() }
    }

    /// Parameters of MAIL that a filter may set; the others say what the content is.
    private static let takenFromFilters: Set<String> = ["RET", "ENVID"]

    private mutating func changeHeader(_ field: MilterField, _ number: Int) {
        let isThere = self.content.header.change(
            field.name, number: number, to: field.value.readableBytes > 0 ? field.value : nil)
        if field.value.readableBytes == 0 {
            if isThere { self.did.append("took \(field.name) away") }
        } else {
            if !isThere { self.content.header.append(.init(name: field.name, value: field.value)) }
            self.did.append("\(isThere ? "changed" : "added") \(field.name)")
        }
    }
}

extension ForwardPath {
    /// Whatever way leads to it.
    fileprivate func isSameMailbox(as other: ForwardPath) -> Bool {
        switch (self, other) {
        case (.postmaster, .postmaster): true
        case (.path(let path), .path(let other)): path.mailbox == other.mailbox
        case (.postmaster, .path), (.path, .postmaster): false
        }
    }
}
