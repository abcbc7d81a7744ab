/// A part of a message as people read it (RFC 2045, RFC 2046): its place in the tree, and its text where it is text.
public struct MessagePart: Hashable, Sendable, Codable {
    /// How many parts it is in; 0: it is the message.
    public var depth: Int
    /// `text/plain`, in small letters; hostile, as is the rest.
    public var type: String
    public var charset: String?
    /// `quoted-printable`, `base64`; `nil`: as it is.
    public var encoding: String?
    /// What its file is called.
    public var name: String?
    /// Octets of its body as far as it was read, encoded.
    public var octets: Int
    /// Decoded, with LF at the ends of lines, of HTML without its marks; `nil`: it is no text.
    public var text: String?
    /// It goes on where reading ended.
    public var isCut: Bool
    public init(
        depth: Int, type: String, charset: String? = nil, encoding: String? = nil, name: String? = nil,
        octets: Int = 0, text: String? = nil, isCut: Bool = false
    ) {
        self.depth = depth
        self.type = type
        self.charset = charset
        self.encoding = encoding
        self.name = name
        self.octets = octets
        self.text = text
        self.isCut = isCut
    }
}
