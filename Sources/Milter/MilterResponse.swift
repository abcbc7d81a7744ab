import NIOCore
import SMTP

/// A packet from a milter, read.
enum MilterResponse: Equatable, Sendable {
    case negotiate(version: UInt32, MilterActions, MilterSteps, macros: [UInt32: Set<String>])
    case answer(MilterAnswer)
    case change(MilterChange)
    case progress
    case skip

    /// Octets of a reply's text; SMTP allows 512 (RFC 5321 §4.5.3.1.5).
    private static let replyLimit = 4096
    private static let replyLinesLimit = 32
    private static let reasonLimit = 500

    /// - Parameters:
    ///   - data: what follows the code.
    ///   - hasLeadingSpace: of header values.
    init(_ code: MilterCode, _ data: ByteBuffer, hasLeadingSpace: Bool) throws(MilterError) {
        var data = data
        switch code {
        case .negotiate: self = try Self.negotiation(&data)
        case .continue: self = .answer(.continue)
        case .accept: self = .answer(.accept)
        case .discard: self = .answer(.discard)
        case .reject: self = .answer(.reject)
        case .temporaryFailure: self = .answer(.temporaryFailure)
        case .shutDown, .connectionFailure: self = .answer(.shutDown)
        case .skip: self = .skip
        case .progress: self = .progress
        case .reply:
            guard let reply = data.text().flatMap(Self.reply) else { throw .malformed(code) }
            self = .answer(.reply(reply))
        case .addHeader:
            guard let field = data.field(hasLeadingSpace) else { throw .malformed(code) }
            self = .change(.addHeader(field))
        case .insertHeader:
            guard let number = data.readInteger(as: UInt32.self), let field = data.field(hasLeadingSpace) else {
                throw .malformed(code)
            }
            self = .change(.insertHeader(field, number: max(Int(number), 1)))
        case .changeHeader:
            guard let number = data.readInteger(as: UInt32.self), let field = data.field(hasLeadingSpace) else {
                throw .malformed(code)
            }
            self = .change(.changeHeader(field, number: max(Int(number), 1)))
        case .replaceBody: self = .change(.body(data))
        case .addRecipient, .addRecipientWithParameters:
            guard let path = data.path().flatMap({ try? ForwardPath(parsing: $0, utf8: true) }),
                let parameters = Self.parameters(code == .addRecipient ? nil : data.text(), of: "RCPT TO:<a@b>")
            else { throw .malformed(code) }
            self = .change(.addRecipient(path, parameters))
        case .deleteRecipient:
            guard let path = data.path().flatMap({ try? ForwardPath(parsing: $0, utf8: true) }) else {
                throw .malformed(code)
            }
            self = .change(.deleteRecipient(path))
        case .changeSender:
            guard let path = data.path().flatMap({ try? ReversePath(parsing: $0, utf8: true) }),
                let parameters = Self.parameters(data.text(), of: "MAIL FROM:<a@b>")
            else { throw .malformed(code) }
            self = .change(.changeSender(path, parameters))
        case .quarantine:
            guard let reason = data.text() else { throw .malformed(code) }
            self = .change(.quarantine(Self.oneLine(reason, limit: Self.reasonLimit)))
        }
    }

    private static func negotiation(_ data: inout ByteBuffer) throws(MilterError) -> Self {
        guard let (version, actions, steps) = data.readMultipleIntegers(as: (UInt32, UInt32, UInt32).self) else {
            throw .malformed(.negotiate)
        }
        var macros: [UInt32: Set<String>] = [:]
        while data.readableBytes > 0 {
            guard let stage = data.readInteger(as: UInt32.self), let names = data.text() else {
                throw .malformed(.negotiate)
            }
            macros[stage] = Set(names.split { $0 == " " || $0 == "," }.map { MilterMacros.bare($0) })
        }
        return .negotiate(
            version: version, MilterActions(rawValue: actions), MilterSteps(rawValue: steps), macros: macros)
    }

    /// Reads parameters as the command that would name them, so that they obey the same rules.
    private static func parameters(_ text: String?, of command: String) -> [Parameter]? {
        guard let text, !text.isEmpty else { return [] }
        let line = ByteBuffer(string: "\(command) \(text)")
        switch try? Command.parse(line.readableBytesView, known: [.smtpUTF8]) {
        case .mail(_, let parameters), .rcpt(_, let parameters): return parameters
        default: return nil
        }
    }

    /// `550 5.7.1 text`, or several such lines; `nil` unless it is a 4yz or a 5yz.
    private static func reply(_ text: String) -> Reply? {
        guard text.utf8.count <= self.replyLimit else { return nil }
        var reply: Reply?
        for line in text.split(whereSeparator: \.isNewline).prefix(self.replyLinesLimit) {
            guard let code = UInt16(line.prefix(3)), (400..<600).contains(code), code == reply?.code.rawValue ?? code
            else { return nil }
            let behind = line.dropFirst(3)
            guard behind.isEmpty || behind.first == " " || behind.first == "-" else { return nil }
            var words = behind.dropFirst()
            let first = words.prefix { $0 != " " }
            var enhanced: EnhancedStatusCode?
            if let found = EnhancedStatusCode(first), UInt16(found.class) == code / 100 {
                enhanced = found
                words = words.dropFirst(first.count).drop { $0 == " " }
            }
            // Milters write a percent sign twice, since libmilter asks for it.
            let shown = self.oneLine(words.replacing("%%", with: "%"), limit: self.reasonLimit)
            if reply == nil {
                reply = Reply(ReplyCode(rawValue: code), enhanced, shown)
            } else {
                reply?.lines.append(shown)
            }
        }
        return reply
    }

    /// Printing ASCII alone, since it goes into a reply or is shown.
    private static func oneLine(_ text: some StringProtocol, limit: Int) -> String {
        String(decoding: text.utf8.prefix(limit).map { (0x20..<0x7F).contains($0) ? $0 : 0x20 }, as: UTF8.self)
    }
}

extension ByteBuffer {
    /// Octets up to a NUL, which is read too; `nil` when there is none.
    fileprivate mutating func octets() -> ByteBufferView? {
        guard let end = self.readableBytesView.firstIndex(of: 0) else { return nil }
        let octets = self.readableBytesView[..<end]
        self.moveReaderIndex(to: end + 1)
        return octets
    }

    /// `nil` also for what is not UTF-8.
    fileprivate mutating func text() -> String? { self.octets().flatMap { String(validating: $0, as: UTF8.self) } }

    /// An address with its angle brackets, which milters may leave out; `nil` when there is none.
    fileprivate mutating func path() -> String? {
        guard let text = self.text(), !text.isEmpty else { return nil }
        return text.hasPrefix("<") ? text : "<\(text)>"
    }

    fileprivate mutating func field(_ hasLeadingSpace: Bool) -> MilterField? {
        guard let name = self.octets(), let value = self.octets() else { return nil }
        return MilterField(name: name, value: value, hasLeadingSpace: hasLeadingSpace)
    }
}
