import SeededRandom

/// A plain reading of MIME that shares nothing with the walker: all in memory, boundaries without tricks.
struct MIMETree {
    struct Leaf {
        var raw: [UInt8]
        var octets: [UInt8]
        /// Its body is not 7-bit lines.
        var needsConversion: Bool
    }

    var leaves: [Leaf] = []

    init?(_ content: [UInt8]) {
        let empty = Array("\r\n\r\n".utf8)
        let end = content.starts(with: [0x0D, 0x0A]) ? -2 : Self.find(empty, in: content[...])
        guard let end else { return nil }
        let header = String(decoding: content[..<max(end, 0)], as: UTF8.self).replacing("\r\n ", with: " ")
        let body = Array(content[(end + 4)...])
        var fields: [String: String] = [:]
        for line in header.split(separator: "\r\n") {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2 { fields[parts[0].lowercased()] = String(parts[1].filter { $0 != " " }) }
        }
        let type = fields["content-type"] ?? "text/plain"
        let encoding = fields["content-transfer-encoding"]?.lowercased() ?? "7bit"
        if type.hasPrefix("multipart/"), let name = type.firstRange(of: "boundary=") {
            let boundary = Array("\r\n--\(type[name.upperBound...])".utf8)
            var rest = ([0x0D, 0x0A] + body)[...]
            guard let first = Self.find(boundary, in: rest) else { return nil }
            rest = rest[(first + boundary.count)...]
            while !rest.starts(with: [0x2D, 0x2D]) {
                rest = rest.dropFirst(2)
                guard let next = Self.find(boundary, in: rest), let child = MIMETree(Array(rest[..<next])) else {
                    return nil
                }
                self.leaves += child.leaves
                rest = rest[(next + boundary.count)...]
            }
        } else if type == "message/rfc822" {
            guard let child = MIMETree(body) else { return nil }
            self.leaves = child.leaves
        } else {
            let lines = String(decoding: body, as: UTF8.self).split(separator: "\r\n", omittingEmptySubsequences: false)
            let isBinary =
                body.contains { $0 >= 0x80 || $0 == 0 } || lines.contains { $0.utf8.count > 998 }
                || lines.contains { $0.utf8.contains { $0 == 0x0A || $0 == 0x0D } }
            self.leaves = [
                Leaf(raw: body, octets: Self.decode(body, encoding), needsConversion: isBinary)
            ]
        }
    }

    private static func decode(_ body: [UInt8], _ encoding: String) -> [UInt8] {
        switch encoding {
        case "base64":
            let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
            let bits = body.compactMap { digits.firstIndex(of: $0) }.flatMap { digit in
                (0..<6).reversed().map { digit >> $0 & 1 }
            }
            return stride(from: 0, to: bits.count / 8 * 8, by: 8).map { start in
                UInt8(bits[start..<(start + 8)].reduce(0) { $0 << 1 | $1 })
            }
        case "quoted-printable":
            var octets: [UInt8] = []
            var index = 0
            while index < body.count {
                if body[index] != 0x3D {
                    octets.append(body[index])
                    index += 1
                } else {
                    let digits = String(decoding: body[(index + 1)..<(index + 3)], as: UTF8.self)
                    if let octet = UInt8(digits, radix: 16) { octets.append(octet) }
                    index += 3
                }
            }
            return octets
        default: return body
        }
    }

    private static func find(_ wanted: [UInt8], in octets: ArraySlice<UInt8>) -> Int? {
        guard octets.count >= wanted.count else { return nil }
        return (octets.startIndex...(octets.endIndex - wanted.count)).first { octets[$0...].starts(with: wanted) }
    }
}

/// Random messages that ``MIMETree`` can read.
struct MIMESource {
    var random: SeededGenerator
    private var boundaries = 0

    init(_ random: SeededGenerator) { self.random = random }

    mutating func message(depth: Int) -> [UInt8] {
        Array("Subject: x\r\nMIME-Version: 1.0\r\n".utf8) + self.entity(depth: depth)
    }

    private mutating func entity(depth: Int) -> [UInt8] {
        switch Int.random(in: depth < 3 ? 0...9 : 4...9, using: &self.random) {
        case 0...2: return self.multipart(depth: depth)
        case 3:
            let label = self.label(["8bit", "binary", "7bit", nil])
            return Array("Content-Type: message/rfc822\r\n\(label)\r\n".utf8) + self.message(depth: depth + 1)
        case 4: return Array("Content-Type: text/plain\r\n\r\n".utf8) + self.body(of: Array("abc .=_\r\n".utf8))
        case 5:
            return Array("Content-Type: text/plain; charset=utf-8\r\n\(self.label(["8bit", "7bit", nil]))\r\n".utf8)
                + self.body(of: Array("ab é= \t\r\n-".utf8))
        case 6: return Array("Content-Type: text/plain; charset=x\r\n\r\n".utf8) + self.body(of: Array(0...255))
        case 7: return Array("Content-Type: a/b\r\nContent-Transfer-Encoding: base64\r\n\r\nYWJj\r\nYWI=".utf8)
        case 8:
            return Array("content-type: text/x\r\nContent-transfer-encoding: Quoted-Printable\r\n\r\na=3D=\r\n".utf8)
        default:
            return Array("Content-Type: application/x\r\n\(self.label(["binary", "8bit", nil]))\r\n".utf8)
                + self.body(of: Array(0...255) + [0x0D, 0x0A, 0x0D, 0x0A])
        }
    }

    private mutating func multipart(depth: Int) -> [UInt8] {
        self.boundaries += 1
        let boundary = "b\(self.boundaries).\(depth)"
        let label = self.label(["8bit", "binary", nil])
        var octets = Array("Content-Type: multipart/mixed;\r\n boundary=\(boundary)\r\n\(label)\r\n".utf8)
        if Bool.random(using: &self.random) { octets += Array("preamble\r\n".utf8) }
        for _ in 0..<Int.random(in: 1...4, using: &self.random) {
            octets += Array("--\(boundary)\r\n".utf8) + self.entity(depth: depth + 1) + [0x0D, 0x0A]
        }
        octets += Array("--\(boundary)--".utf8)
        return Bool.random(using: &self.random) ? octets + Array("\r\nepilogue".utf8) : octets
    }

    private mutating func label(_ words: [String?]) -> String {
        (words.randomElement(using: &self.random) ?? nil).map { "Content-Transfer-Encoding: \($0)\r\n" } ?? ""
    }

    private mutating func body(of octets: [UInt8]) -> [UInt8] {
        let near = Array("\r\n--b1.\r\n--b\r\n--".utf8)
        return (0..<Int.random(in: 0...120, using: &self.random)).flatMap { _ in
            Int.random(in: 0...60, using: &self.random) == 0 ? near : [octets.randomElement(using: &self.random) ?? 0]
        }
    }
}
