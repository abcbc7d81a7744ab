import SMTP

/// The Received field that each relay puts before what it takes (RFC 5321 §4.4).
public enum TraceField {
    /// - Parameters:
    ///   - hello: what the client called itself; hostile, so only octets of names and literals come through.
    ///   - peer: the client's address without its port.
    ///   - user: who is at the other end of a Unix socket: named in place of both.
    ///   - tls: `TLSv1.3`, when the session had it.
    ///   - recipient: with angle brackets, when there is only one; beyond ASCII it is left out, since nobody may know that
    ///     this message goes by SMTPUTF8 only.
    /// - Returns: the field, folded, each line with CRLF.
    public static func received(
        hello: String?, peer: String?, user: LocalUser? = nil, hostname: String, with: String, tls: String? = nil,
        id: QueueID,
        recipient: String?, at now: Timestamp
    ) -> String {
        let name = (user?.name ?? hello).map(self.harmless) ?? "unknown"
        let address =
            user.map { " (uid \($0.number))" }
            ?? peer.map { $0.utf8.contains(UInt8(ascii: ":")) ? " ([IPv6:\($0)])" : " ([\($0)])" } ?? ""
        let isASCII = recipient?.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F } == true
        let recipient = isASCII ? recipient.map { "\r\n\tfor \($0)" } ?? "" : ""
        let tls = tls.map { " (using \(self.harmless($0)))" } ?? ""
        return
            "Received: from \(name)\(address)\r\n\tby \(hostname) (Hoptop) with \(with)\(tls) id \(id)\(recipient);\r\n\t\(now.rfc5322)\r\n"
    }

    private static func harmless(_ name: String) -> String {
        let octets = name.utf8.prefix(255).map { octet -> UInt8 in
            switch octet {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"),
                UInt8(ascii: ":"), UInt8(ascii: "["), UInt8(ascii: "]"):
                octet
            default: UInt8(ascii: "?")
            }
        }
        return octets.isEmpty ? "unknown" : String(decoding: octets, as: UTF8.self)
    }
}

extension Timestamp {
    /// RFC 5322 §3.3 in UTC: `Tue, 24 Nov 2026 09:00:00 +0000`.
    public var rfc5322: String {
        let seconds = Int(self.milliseconds).quotientAndFloorRemainder(by: 1000).quotient
        let (days, time) = seconds.quotientAndFloorRemainder(by: 86_400)
        let date = CivilDate(days: days)
        let weekday = days.quotientAndFloorRemainder(by: 7).remainder
        // Each message says it, so it is not put together of a dozen strings.
        return String(unsafeUninitializedCapacity: 48) { octets in
            var count = 0
            func put(_ octet: UInt8) {
                octets[count] = octet
                count += 1
            }
            func put(_ name: Int, of names: StaticString) {
                for place in name * 3..<name * 3 + 3 { put(names.utf8Start[place]) }
            }
            func put(_ number: Int, digits: Int) {
                if digits > 1 || number > 9 { put(number / 10, digits: digits - 1) }
                put(UInt8(ascii: "0") + UInt8(number % 10))
            }
            put(weekday, of: "ThuFriSatSunMonTueWed")
            put(UInt8(ascii: ","))
            put(UInt8(ascii: " "))
            put(date.day, digits: 1)
            put(UInt8(ascii: " "))
            put(date.month - 1, of: "JanFebMarAprMayJunJulAugSepOctNovDec")
            put(UInt8(ascii: " "))
            put(max(date.year, 0), digits: 4)
            put(UInt8(ascii: " "))
            put(time / 3600, digits: 2)
            put(UInt8(ascii: ":"))
            put(time / 60 % 60, digits: 2)
            put(UInt8(ascii: ":"))
            put(time % 60, digits: 2)
            for octet in " +0000".utf8 { put(octet) }
            return count
        }
    }
}
