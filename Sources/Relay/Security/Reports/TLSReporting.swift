public import SMTP

/// `[tls-report]`: that domains are told how TLS to their hosts goes (RFC 8460), and who tells them.
public struct TLSReporting: Sendable, Hashable {
    /// Who they come from; `nil`: there are none.
    public var from: Mailbox?
    /// Who stands for them; `nil`: our own name.
    public var organization: String?
    /// Whom to ask about them; `nil`: ``from``.
    public var contact: String?

    public init(from: Mailbox? = nil, organization: String? = nil, contact: String? = nil) {
        self.from = from
        self.organization = organization
        self.contact = contact
    }
}
