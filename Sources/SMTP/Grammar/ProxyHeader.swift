public import NIOCore

/// Why octets in front of a session are no PROXY header.
public enum ProxyHeaderError: Error, Equatable, Sendable {
    case malformed
    case tooLong(limit: Int)
}

/// The header of the PROXY protocol, versions 1 and 2 (HAProxy's `proxy-protocol.txt`, §2.1 and §2.2): who really
/// connects, told by a balancer before the first octet of the session.
public struct ProxyHeader: Hashable, Sendable {
    public struct Endpoint: Hashable, Sendable {
        /// `192.0.2.1` or `2001:db8::1`.
        public var address: String
        public var port: UInt16
        public init(address: String, port: UInt16) {
            self.address = address
            self.port = port
        }
    }

    public enum Connection: Hashable, Sendable {
        /// The balancer itself, looking whether we live (version 2).
        case local
        /// A connection that is no TCP over IP, or that the balancer does not tell: its own address stands.
        case unknown
        case tcp(source: Endpoint, destination: Endpoint)
    }

    public var connection: Connection
    /// How many octets the header takes; the session starts behind them.
    public var octets: Int

    /// §2.1: 107 octets with CRLF, in the worst case.
    static let textLimit = 107
    /// Octets behind the fixed part of version 2; 65535 are possible, and nobody needs them.
    static let binaryLimit = 4096

    private static let signature: [UInt8] = [
        0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A,
    ]

    init(_ connection: Connection, octets: Int) {
        self.connection = connection
        self.octets = octets
    }

    /// - Parameter input: all that has come from the balancer so far.
    /// - Returns: `nil` until more octets come. It is malformed as soon as nothing that follows can make it whole.
    public static func parse(_ input: ByteBufferView) throws(ProxyHeaderError) -> ProxyHeader? {
        guard let first = input.first else { return nil }
        return first == self.signature[0] ? try self.binary(input) : try self.text(input)
    }

    // MARK: version 1

    private static func text(_ input: ByteBufferView) throws(ProxyHeaderError) -> ProxyHeader? {
        let prefix = Array("PROXY ".utf8)
        let start = input.prefix(prefix.count)
        guard start.elementsEqual(prefix.prefix(start.count)) else { throw .malformed }
        let octets = Array(input.prefix(self.textLimit))
        guard let end = octets.firstIndex(of: .lf) else {
            guard octets.count < self.textLimit else { throw .tooLong(limit: self.textLimit) }
            return nil
        }
        guard end > prefix.count, octets[end - 1] == .cr else { throw .malformed }
        let words = octets[prefix.count..<(end - 1)].split(separator: .space, omittingEmptySubsequences: false)
        // Whatever follows UNKNOWN is passed over.
        if words[0].elementsEqual("UNKNOWN".utf8) { return ProxyHeader(.unknown, octets: end + 1) }
        let isAddress: (ArraySlice<UInt8>) -> Bool
        if words[0].elementsEqual("TCP4".utf8) {
            isAddress = AddressGrammar.isIPv4
        } else if words[0].elementsEqual("TCP6".utf8) {
            isAddress = AddressGrammar.isIPv6
        } else {
            throw .malformed
        }
        guard words.count == 5, isAddress(words[1]), isAddress(words[2]), let sourcePort = self.port(words[3]),
            let destinationPort = self.port(words[4])
        else { throw .malformed }
        return ProxyHeader(
            .tcp(
                source: Endpoint(address: String(decoding: words[1], as: UTF8.self), port: sourcePort),
                destination: Endpoint(address: String(decoding: words[2], as: UTF8.self), port: destinationPort)),
            octets: end + 1)
    }

    private static func port(_ word: ArraySlice<UInt8>) -> UInt16? {
        let text = String(decoding: word, as: UTF8.self)
        return UInt16(text).flatMap { String($0) == text ? $0 : nil }
    }

    // MARK: version 2

    private static func binary(_ input: ByteBufferView) throws(ProxyHeaderError) -> ProxyHeader? {
        let octets = Array(input.prefix(16))
        guard octets.prefix(12).elementsEqual(self.signature.prefix(octets.count)) else { throw .malformed }
        guard octets.count == 16 else { return nil }
        let length = Int(octets[14]) << 8 | Int(octets[15])
        guard octets[12] >> 4 == 2 else { throw .malformed }
        guard length <= self.binaryLimit else { throw .tooLong(limit: self.binaryLimit) }
        guard input.count >= 16 + length else { return nil }
        // What follows the addresses are TLVs, and nothing in them is asked for.
        let rest = Array(input.dropFirst(16).prefix(length))
        let connection: Connection
        switch (octets[12] & 0xF, octets[13]) {
        case (0, _): connection = .local
        case (1, 0x11): connection = try self.connection(rest, addressOctets: 4)
        case (1, 0x21): connection = try self.connection(rest, addressOctets: 16)
        case (1, let kind) where kind >> 4 <= 3 && kind & 0xF <= 2: connection = .unknown
        default: throw .malformed
        }
        return ProxyHeader(connection, octets: 16 + length)
    }

    private static func connection(
        _ octets: [UInt8], addressOctets count: Int
    ) throws(ProxyHeaderError) -> Connection {
        guard octets.count >= 2 * count + 4 else { throw .malformed }
        func endpoint(address: Int, port: Int) -> Endpoint {
            let address = octets[address..<(address + count)]
            return Endpoint(
                address: count == 4 ? address.map(String.init).joined(separator: ".") : self.textIPv6(address),
                port: UInt16(octets[port]) << 8 | UInt16(octets[port + 1]))
        }
        return .tcp(
            source: endpoint(address: 0, port: 2 * count), destination: endpoint(address: count, port: 2 * count + 2))
    }

    /// The one spelling of RFC 5952 §4: lower case, no leading zeros, `::` for the longest run of two zeros or more.
    private static func textIPv6(_ octets: ArraySlice<UInt8>) -> String {
        let groups = stride(from: octets.startIndex, to: octets.endIndex, by: 2).map {
            UInt16(octets[$0]) << 8 | UInt16(octets[$0 + 1])
        }
        var longest = 0..<0
        var start = 0
        for index in 0...groups.count where index == groups.count || groups[index] != 0 {
            if index - start > max(longest.count, 1) { longest = start..<index }
            start = index + 1
        }
        func text(_ groups: ArraySlice<UInt16>) -> String {
            groups.map { String($0, radix: 16) }.joined(separator: ":")
        }
        guard !longest.isEmpty else { return text(groups[...]) }
        return text(groups[..<longest.lowerBound]) + "::" + text(groups[longest.upperBound...])
    }
}
