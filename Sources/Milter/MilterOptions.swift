/// What a milter may do to a message, once it has asked for it: `SMFIF_…`.
public struct MilterActions: OptionSet, Sendable, Hashable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    public static let addHeaders = Self(rawValue: 0x1)
    public static let changeBody = Self(rawValue: 0x2)
    public static let addRecipients = Self(rawValue: 0x4)
    public static let deleteRecipients = Self(rawValue: 0x8)
    public static let changeHeaders = Self(rawValue: 0x10)
    public static let quarantine = Self(rawValue: 0x20)
    public static let changeSender = Self(rawValue: 0x40)
    public static let addRecipientsWithParameters = Self(rawValue: 0x80)
    /// It names the macros that it wants.
    public static let chooseMacros = Self(rawValue: 0x100)

    static let offered = Self(rawValue: 0x1FF)

    /// What it takes to send `code`; `nil`: nothing.
    init?(neededFor code: MilterCode) {
        switch code {
        case .addHeader, .insertHeader: self = .addHeaders
        case .changeHeader: self = .changeHeaders
        case .replaceBody: self = .changeBody
        case .addRecipient: self = .addRecipients
        case .addRecipientWithParameters: self = .addRecipientsWithParameters
        case .deleteRecipient: self = .deleteRecipients
        case .quarantine: self = .quarantine
        case .changeSender: self = .changeSender
        case .negotiate, .shutDown, .accept, .continue, .discard, .connectionFailure, .progress, .reject, .skip,
            .temporaryFailure, .reply:
            return nil
        }
    }
}

/// Which steps a milter does not want, or does not answer: `SMFIP_…`.
public struct MilterSteps: OptionSet, Sendable, Hashable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    static let noConnect = Self(rawValue: 0x1)
    static let noHello = Self(rawValue: 0x2)
    static let noMail = Self(rawValue: 0x4)
    static let noRecipient = Self(rawValue: 0x8)
    static let noBody = Self(rawValue: 0x10)
    static let noHeaders = Self(rawValue: 0x20)
    static let noEndOfHeader = Self(rawValue: 0x40)
    static let silentHeaders = Self(rawValue: 0x80)
    static let noUnknown = Self(rawValue: 0x100)
    static let noData = Self(rawValue: 0x200)
    static let skip = Self(rawValue: 0x400)
    static let silentConnect = Self(rawValue: 0x1000)
    static let silentHello = Self(rawValue: 0x2000)
    static let silentMail = Self(rawValue: 0x4000)
    static let silentRecipient = Self(rawValue: 0x8000)
    static let silentData = Self(rawValue: 0x10000)
    static let silentUnknown = Self(rawValue: 0x20000)
    static let silentEndOfHeader = Self(rawValue: 0x40000)
    static let silentBody = Self(rawValue: 0x80000)
    /// The white space behind the colon is a part of the value.
    static let leadingSpace = Self(rawValue: 0x100000)

    /// Not among them: recipients that policy refused (0x800), and larger packets.
    static let offered = Self(rawValue: 0x1FF7FF)
    /// What versions before 6 know.
    static let offeredBefore6 = Self(rawValue: 0x3FF)
}
