public import SMTP

/// The mailboxes of an address field (RFC 5322 §3.4): names, comments, groups and source routes are read past.
///
/// More lenient than the grammar, as people write these fields by hand. Octets beyond ASCII may stand anywhere.
public struct AddressList: Sendable, Hashable {
    public struct Address: Sendable, Hashable {
        /// The local part as written, a quoted string with its quotes.
        public var localPart: String
        /// `nil` where it has none: `root`.
        public var domain: Domain?
        public init(localPart: String, domain: Domain? = nil) {
            self.localPart = localPart
            self.domain = domain
        }
    }

    /// In the order of the field.
    public private(set) var addresses: [Address] = []
    /// What stands in the place of an address and is none, as written.
    public private(set) var malformed: [String] = []

    /// - Parameter field: its value on one line.
    public init(_ field: String) {
        var reader = Reader()
        for octet in field.utf8 { reader.receive(octet, &self) }
        reader.end(&self)
    }

    /// One address on its way.
    private struct Reader {
        /// What stands outside of angle brackets, without comments.
        private var text: [UInt8] = []
        /// What stands in them.
        private var path: [UInt8]?
        private var isInPath = false
        private var isQuoted = false
        private var isEscaped = false
        private var isLiteral = false
        private var commentDepth = 0

        mutating func receive(_ octet: UInt8, _ list: inout AddressList) {
            if self.isEscaped {
                self.isEscaped = false
                if self.commentDepth == 0 { self.append(octet) }
                return
            }
            if octet == UInt8(ascii: "\\"), self.isQuoted || self.commentDepth > 0 {
                self.isEscaped = true
                if self.commentDepth == 0 { self.append(octet) }
                return
            }
            if self.commentDepth > 0 {
                if octet == UInt8(ascii: "(") { self.commentDepth += 1 }
                if octet == UInt8(ascii: ")") { self.commentDepth -= 1 }
                return
            }
            if self.isQuoted {
                self.append(octet)
                self.isQuoted = octet != UInt8(ascii: "\"")
                return
            }
            switch octet {
            case UInt8(ascii: "\""):
                self.isQuoted = true
                self.append(octet)
            case UInt8(ascii: "("): self.commentDepth = 1
            case UInt8(ascii: "<") where !self.isInPath:
                self.isInPath = true
                self.path = []
            case UInt8(ascii: ">") where self.isInPath: self.isInPath = false
            case UInt8(ascii: "["), UInt8(ascii: "]"):
                self.isLiteral = octet == UInt8(ascii: "[")
                self.append(octet)
            case UInt8(ascii: ",") where !self.isInPath, UInt8(ascii: ";") where !self.isInPath: self.end(&list)
            // What stands before it was the name of a group.
            case UInt8(ascii: ":") where !self.isInPath && !self.isLiteral: self.text = []
            default: self.append(octet)
            }
        }

        private mutating func append(_ octet: UInt8) {
            if self.isInPath { self.path?.append(octet) } else { self.text.append(octet) }
        }

        mutating func end(_ list: inout AddressList) {
            let written = String(decoding: self.path ?? self.text, as: UTF8.self).trimmingSpaces
            let isOpen = self.isQuoted || self.isInPath || self.commentDepth > 0
            self = Reader()
            guard !written.isEmpty else { return }
            if !isOpen, let address = Address(reading: written) {
                list.addresses.append(address)
            } else {
                list.malformed.append(written)
            }
        }
    }
}

extension AddressList.Address {
    /// - Parameter text: an address with or without a domain, the route of its path before it.
    fileprivate init?(reading text: String) {
        var octets = Array(text.utf8)[...]
        if octets.first == UInt8(ascii: "@") {
            guard let colon = octets.firstIndex(of: UInt8(ascii: ":")) else { return nil }
            octets = octets[(colon + 1)...]
        }
        guard let joined = Self.withoutSpaces(octets) else { return nil }
        let quoteEnd = joined.lastIndex(of: UInt8(ascii: "\"")).map { $0 + 1 } ?? 0
        guard let at = joined[quoteEnd...].lastIndex(of: UInt8(ascii: "@")) else {
            guard !joined.isEmpty else { return nil }
            self.init(localPart: String(decoding: joined, as: UTF8.self))
            return
        }
        guard at > 0, at + 1 < joined.count else { return nil }
        self.init(
            localPart: String(decoding: joined[..<at], as: UTF8.self),
            domain: Domain(String(decoding: joined[(at + 1)...], as: UTF8.self)))
    }

    /// White space may stand around dots and the at sign (RFC 5322 §4.4); elsewhere outside quotes it separates words, and
    /// two words are no address.
    private static func withoutSpaces(_ octets: ArraySlice<UInt8>) -> [UInt8]? {
        var result: [UInt8] = []
        var isQuoted = false
        var isEscaped = false
        var isBehindSpace = false
        for octet in octets {
            if isQuoted {
                result.append(octet)
                isQuoted = isEscaped || octet != UInt8(ascii: "\"")
                isEscaped = !isEscaped && octet == UInt8(ascii: "\\")
                continue
            }
            if octet == 0x20 || octet == 0x09 {
                isBehindSpace = true
                continue
            }
            let joins = { (octet: UInt8) in octet == UInt8(ascii: "@") || octet == UInt8(ascii: ".") }
            if isBehindSpace, let last = result.last, !joins(octet), !joins(last) { return nil }
            isBehindSpace = false
            isQuoted = octet == UInt8(ascii: "\"")
            result.append(octet)
        }
        return result
    }
}
