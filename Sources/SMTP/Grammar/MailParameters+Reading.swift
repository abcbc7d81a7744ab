/// Why a parameter of MAIL or RCPT is not taken.
public enum ParameterError: Error, Hashable, Sendable {
    /// No extension that is offered knows it (RFC 5321 §4.1.1.11).
    case unsupported(keyword: String)
    case malformed(keyword: String)
    case repeated(keyword: String)

    public var reply: Reply {
        switch self {
        case .unsupported(let keyword): Reply(555, "5.5.4", "Parameter \(Self.short(keyword)) not supported")
        case .malformed(let keyword): Reply(501, "5.5.4", "Malformed parameter \(Self.short(keyword))")
        case .repeated(let keyword): Reply(501, "5.5.4", "Parameter \(Self.short(keyword)) given twice")
        }
    }

    /// A client may make a keyword as long as a line, and a reply is not (RFC 5321 §4.5.3.1.5).
    private static func short(_ keyword: String) -> Substring { keyword.prefix(40) }
}

extension MailParameters {
    /// - Parameter offered: what this session's EHLO reply named; a parameter of another extension is refused.
    public init(
        _ parameters: [Parameter], offered: Set<ServiceExtension> = Set(ServiceExtension.allCases)
    ) throws(ParameterError) {
        self.init()
        for (index, parameter) in parameters.enumerated() {
            try parameter.check(isFirstOf: parameters[..<index])
            try self.read(parameter, offered)
        }
    }

    private mutating func read(
        _ parameter: Parameter, _ offered: Set<ServiceExtension>
    ) throws(ParameterError) {
        let malformed = ParameterError.malformed(keyword: parameter.keyword)
        func require(_ extension: ServiceExtension) throws(ParameterError) {
            guard offered.contains(`extension`) else { throw .unsupported(keyword: parameter.keyword) }
        }
        func value() throws(ParameterError) -> String {
            guard let value = parameter.value else { throw malformed }
            return value
        }
        func flag() throws(ParameterError) -> Bool {
            guard parameter.value == nil else { throw malformed }
            return true
        }
        switch parameter.keyword {
        case "SIZE":
            try require(.size)
            let digits = try value()
            guard (1...20).contains(digits.utf8.count), digits.utf8.allSatisfy(\.isDigit) else { throw malformed }
            self.size = Int(digits) ?? .max
        case "BODY":
            guard let body = Body(rawValue: try value().uppercased()) else { throw malformed }
            try require(body == .binary ? .binaryMIME : .eightBitMIME)
            self.body = body
        case "SMTPUTF8":
            try require(.smtpUTF8)
            self.smtpUTF8 = try flag()
        case "RET":
            try require(.dsn)
            guard let kind = Return(rawValue: try value().uppercased()) else { throw malformed }
            self.return = kind
        case "ENVID":
            try require(.dsn)
            let text = try value()
            guard text.utf8.count <= 100, let id = XText.decode(text), id.isPrintingASCII else { throw malformed }
            self.envelopeID = id
        case "BY":
            try require(.deliverBy)
            guard let deliverBy = DeliverBy(try value()) else { throw malformed }
            self.deliverBy = deliverBy
        case "HOLDFOR":
            try require(.futureRelease)
            let digits = try value()
            guard (1...9).contains(digits.utf8.count), digits.utf8.allSatisfy(\.isDigit), let seconds = Int(digits),
                digits.utf8.first != UInt8(ascii: "0"), self.futureRelease == nil
            else { throw malformed }
            self.futureRelease = .after(seconds: seconds)
        case "HOLDUNTIL":
            try require(.futureRelease)
            guard let milliseconds = InternetDateTime.milliseconds(try value()), self.futureRelease == nil else {
                throw malformed
            }
            self.futureRelease = .at(milliseconds: milliseconds)
        case "MT-PRIORITY":
            try require(.mtPriority)
            // A sign is a minus, before a digit that is not 0 (RFC 6710 §4.1).
            let text = try value()
            guard let priority = Int(text), (-9...9).contains(priority), text == String(priority) else {
                throw malformed
            }
            self.priority = priority
        case "REQUIRETLS":
            try require(.requireTLS)
            self.requireTLS = try flag()
        case "AUTH":
            try require(.auth)
            guard let text = XText.decode(try value()), text.isPrintingASCII else { throw malformed }
            self.auth = text
        default: throw .unsupported(keyword: parameter.keyword)
        }
    }
}

extension RecipientParameters {
    /// - Parameter offered: what this session's EHLO reply named; a parameter of another extension is refused.
    public init(
        _ parameters: [Parameter], offered: Set<ServiceExtension> = Set(ServiceExtension.allCases)
    ) throws(ParameterError) {
        self.init()
        for (index, parameter) in parameters.enumerated() {
            try parameter.check(isFirstOf: parameters[..<index])
            let malformed = ParameterError.malformed(keyword: parameter.keyword)
            guard offered.contains(.dsn), ["NOTIFY", "ORCPT"].contains(parameter.keyword) else {
                throw .unsupported(keyword: parameter.keyword)
            }
            guard let value = parameter.value else { throw malformed }
            if parameter.keyword == "NOTIFY" {
                guard let notify = Notify(value) else { throw malformed }
                self.notify = notify
            } else {
                guard let original = OriginalRecipient(value) else { throw malformed }
                self.originalRecipient = original
            }
        }
    }
}

extension Parameter {
    fileprivate func check(isFirstOf before: ArraySlice<Parameter>) throws(ParameterError) {
        if before.contains(where: { $0.keyword == self.keyword }) { throw .repeated(keyword: self.keyword) }
    }
}

extension MailParameters.DeliverBy {
    /// `120;R`, `-3600;NT`: a sign or none, nine digits at most, mode, trace (RFC 2852 §4).
    init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ";", omittingEmptySubsequences: false)
        guard parts.count == 2, let seconds = Int(parts[0]), parts[0].utf8.count(where: \.isDigit) <= 9
        else { return nil }
        let letters = parts[1].uppercased()
        guard (1...2).contains(letters.utf8.count), let mode = Mode(rawValue: String(letters.prefix(1))),
            letters.utf8.count == 1 || letters.hasSuffix("T"), mode == .notify || seconds > 0
        else { return nil }
        self.init(seconds: seconds, mode: mode, traces: letters.utf8.count == 2)
    }
}

extension RecipientParameters.Notify {
    /// `NEVER`, or a list of `SUCCESS`, `FAILURE`, `DELAY`.
    init?(_ text: some StringProtocol) {
        if text.utf8.elementsEqual("NEVER".utf8, by: { $0.upper == $1 }) {
            self = .never
            return
        }
        self = []
        for word in text.split(separator: ",", omittingEmptySubsequences: false) {
            switch word.uppercased() {
            case "SUCCESS": self.insert(.success)
            case "FAILURE": self.insert(.failure)
            case "DELAY": self.insert(.delay)
            default: return nil
            }
        }
    }
}

extension RecipientParameters.OriginalRecipient {
    /// `rfc822;ann+40example.org`: an atom, a semicolon, xtext; 500 octets at most (RFC 3461 §4.2). The address of type
    /// `utf-8` has an encoding of its own (RFC 6533 §3). It ends up in the fields of a report, so no line end hides in it.
    init?(_ text: some StringProtocol) {
        guard text.utf8.count <= 500, let semicolon = text.utf8.firstIndex(of: UInt8(ascii: ";")) else { return nil }
        let type = text[..<semicolon]
        let encoded = text[text.index(after: semicolon)...]
        guard !type.isEmpty, type.utf8.allSatisfy(\.isAtomText) else { return nil }
        let address: String?
        if type.utf8.spells("UTF-8") {
            address = XText.decodeUnicode(encoded)
        } else {
            // Postfix puts UTF-8 into the xtext of an rfc822 address; it does no harm, and mail must not fail for it.
            address = XText.decode(encoded).flatMap { $0.isPrinting ? $0 : nil }
        }
        guard let address, !address.isEmpty else { return nil }
        self.init(addressType: String(type), address: address)
    }
}

extension String {
    /// What xtext may stand for where its meaning goes into a header field (RFC 3461 §4.2, §4.4).
    fileprivate var isPrintingASCII: Bool { self.utf8.allSatisfy { $0.isVisible || $0 == .space } }
    /// The same, or beyond ASCII and no control.
    fileprivate var isPrinting: Bool {
        self.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) }
    }
}
