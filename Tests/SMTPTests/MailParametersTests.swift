import Testing

@testable import SMTP

struct MailParametersTests {
    private func read(_ text: String) throws(ParameterError) -> MailParameters {
        try MailParameters(Self.parameters(text))
    }
    private func readRecipient(_ text: String) throws(ParameterError) -> RecipientParameters {
        try RecipientParameters(Self.parameters(text))
    }
    private static func parameters(_ text: String) -> [Parameter] {
        text.split(separator: " ").map { word in
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            return Parameter(parts[0], parts.count > 1 ? parts[1] : nil)
        }
    }
    private static func with(_ set: (inout MailParameters) -> Void) -> MailParameters {
        var parameters = MailParameters()
        set(&parameters)
        return parameters
    }

    @Test(
        "what MAIL's parameters mean (RFC 1870, 2852, 3030, 3461, 4865, 4954, 6152, 6531, 6710, 8689)",
        arguments: [
            ("", with { _ in }), ("SIZE=0", with { $0.size = 0 }), ("SIZE=12345", with { $0.size = 12345 }),
            ("size=99999999999999999999", with { $0.size = .max }), ("BODY=7bit", with { $0.body = .sevenBit }),
            ("BODY=8BITMIME", with { $0.body = .eightBit }), ("BODY=BinaryMime", with { $0.body = .binary }),
            ("SMTPUTF8", with { $0.smtpUTF8 = true }), ("RET=FULL", with { $0.return = .full }),
            ("ret=hdrs", with { $0.return = .headers }), ("ENVID=QQ+2B3+3D", with { $0.envelopeID = "QQ+3=" }),
            ("ENVID=a+20b", with { $0.envelopeID = "a b" }),
            ("BY=120;R", with { $0.deliverBy = .init(seconds: 120, mode: .return) }),
            ("BY=+120;RT", with { $0.deliverBy = .init(seconds: 120, mode: .return, traces: true) }),
            ("BY=-3600;nt", with { $0.deliverBy = .init(seconds: -3600, mode: .notify, traces: true) }),
            ("BY=0;N", with { $0.deliverBy = .init(seconds: 0, mode: .notify) }),
            ("HOLDFOR=60", with { $0.futureRelease = .after(seconds: 60) }),
            ("HOLDFOR=999999999", with { $0.futureRelease = .after(seconds: 999_999_999) }),
            ("HOLDUNTIL=1970-01-01T00:00:01Z", with { $0.futureRelease = .at(milliseconds: 1000) }),
            ("MT-PRIORITY=3", with { $0.priority = 3 }), ("MT-PRIORITY=-9", with { $0.priority = -9 }),
            ("MT-PRIORITY=0", with { $0.priority = 0 }), ("REQUIRETLS", with { $0.requireTLS = true }),
            ("AUTH=<>", with { $0.auth = "<>" }), ("AUTH=e+3Dmc2@example.com", with { $0.auth = "e=mc2@example.com" }),
            (
                "SIZE=5 BODY=8BITMIME RET=FULL",
                with {
                    $0.size = 5
                    $0.body = .eightBit
                    $0.return = .full
                }
            ),
        ])
    func wellFormed(_ text: String, _ meaning: MailParameters) throws { #expect(try self.read(text) == meaning) }

    @Test(
        "values that break their grammar are a 501",
        arguments: [
            "SIZE", "SIZE=-1", "SIZE=+1", "SIZE=1x", "SIZE=999999999999999999999", "BODY", "BODY=9BIT", "SMTPUTF8=yes",
            "RET", "RET=ALL", "ENVID", "ENVID=a+2", "ENVID=a+2b", "ENVID=a+0D+0A", "ENVID=+C3+A4",
            "ENVID=" + String(repeating: "x", count: 101), "BY=120", "BY=120;X", "BY=0;R", "BY=-1;R", "BY=1;RTT",
            "BY=1;TR", "BY=;N", "BY=1234567890;N", "BY=--1;N", "BY=1;", "BY=1;R;T", "HOLDFOR=0", "HOLDFOR=060",
            "HOLDFOR=-5", "HOLDFOR=1234567890", "HOLDUNTIL=tomorrow", "HOLDUNTIL=2026-02-29T00:00:00Z",
            "HOLDFOR=1 HOLDUNTIL=2026-11-25T14:00:00Z", "MT-PRIORITY=+3", "MT-PRIORITY=10", "MT-PRIORITY=-10",
            "MT-PRIORITY=-0", "MT-PRIORITY=03", "MT-PRIORITY", "REQUIRETLS=1", "AUTH", "AUTH=a+", "AUTH=a+0Ab",
            "SIZE=1 SIZE=1", "SMTPUTF8 SMTPUTF8",
        ])
    func malformed(_ text: String) {
        do {
            let meaning = try self.read(text)
            Issue.record("\(text) was read as \(meaning)")
        } catch {
            #expect(error.reply.code == 501)
        }
    }

    @Test("a parameter of an extension that is not offered is a 555 (RFC 5321 §4.1.1.11), however its value looks")
    func unsupported() {
        let samples: [(String, ServiceExtension)] = [
            ("SIZE=x", .size), ("BODY=8BITMIME", .eightBitMIME), ("BODY=BINARYMIME", .binaryMIME),
            ("SMTPUTF8=x", .smtpUTF8), ("RET=x", .dsn), ("ENVID=+", .dsn), ("BY=x", .deliverBy),
            ("HOLDFOR=x", .futureRelease), ("HOLDUNTIL=x", .futureRelease), ("MT-PRIORITY=x", .mtPriority),
            ("REQUIRETLS=x", .requireTLS), ("AUTH=+", .auth),
        ]
        for (text, needed) in samples {
            let others = Set(ServiceExtension.allCases).subtracting([needed])
            let parameters = Self.parameters(text)
            #expect(throws: ParameterError.unsupported(keyword: parameters[0].keyword)) {
                try MailParameters(parameters, offered: others)
            }
        }
        #expect(throws: ParameterError.unsupported(keyword: "X-NEW")) { try self.read("X-NEW=1") }
        #expect(throws: ParameterError.unsupported(keyword: "NOTIFY")) { try self.read("NOTIFY=NEVER") }
        let long = ParameterError.unsupported(keyword: String(repeating: "X", count: 1900))
        #expect(long.reply.description.utf8.count < 100)
    }

    @Test(
        "when a recipient's sender wants to be told, and of which address (RFC 3461 §4.1, §4.2)",
        arguments: [
            ("NOTIFY=NEVER", .never, nil), ("notify=never", .never, nil), ("NOTIFY=SUCCESS", .success, nil),
            ("NOTIFY=failure,Delay", [.failure, .delay], nil),
            ("NOTIFY=SUCCESS,DELAY,FAILURE", [.success, .failure, .delay], nil),
            ("ORCPT=rfc822;bob@example.org", nil, .init(addressType: "rfc822", address: "bob@example.org")),
            ("ORCPT=rfc822;bob+2Btag@c", nil, .init(addressType: "rfc822", address: "bob+tag@c")),
            ("ORCPT=rfc822;b+C3+B6b@c", nil, .init(addressType: "rfc822", address: "böb@c")),
            ("ORCPT=x400;/S=bob/", nil, nil),
            ("ORCPT=x400;+2FS+3Dbob+2F", nil, .init(addressType: "x400", address: "/S=bob/")),
            ("ORCPT=utf-8;b\\x{F6}b@c", nil, .init(addressType: "utf-8", address: "böb@c")),
            ("ORCPT=UTF-8;b\\x{1F600}b\\x{2B}\\x{5C}@c", nil, .init(addressType: "UTF-8", address: "b😀b+\\@c")),
            ("ORCPT=utf-8;böb@c", nil, .init(addressType: "utf-8", address: "böb@c")),
        ] as [(String, RecipientParameters.Notify?, RecipientParameters.OriginalRecipient?)])
    func recipient(
        _ text: String, _ notify: RecipientParameters.Notify?, _ original: RecipientParameters.OriginalRecipient?
    ) throws {
        if text.contains("S=") {
            #expect(throws: ParameterError.malformed(keyword: "ORCPT")) { try self.readRecipient(text) }
            return
        }
        let read = try self.readRecipient(text)
        #expect(read.notify == notify)
        #expect(read.originalRecipient == original)
    }

    @Test(
        "malformed parameters of RCPT are a 501 (RFC 3461 §4.1, §4.2, RFC 6533 §3)",
        arguments: [
            "NOTIFY", "NOTIFY=NEVER,SUCCESS", "NOTIFY=SUCCESS,NEVER", "NOTIFY=SUCCESS,", "NOTIFY=LATER",
            "NOTIFY=NEVER NOTIFY=NEVER", "ORCPT", "ORCPT=bob@c", "ORCPT=;bob@c", "ORCPT=rfc822;", "ORCPT=rfc822;b+zz@c",
            "ORCPT=a(b;c", "ORCPT=rfc822;bob@c+0D+0AX-Evil:+20yes", "ORCPT=rfc822;b\u{F6}b@c",
            "ORCPT=rfc822;b+C2+85b@c",
            "ORCPT=utf-8;a+40b", "ORCPT=utf-8;a\\x{0A}b", "ORCPT=utf-8;a\\x{85}b", "ORCPT=utf-8;a\\x{D800}b",
            "ORCPT=utf-8;a\\x{110000}", "ORCPT=utf-8;a\\x{}", "ORCPT=utf-8;a\\x{41", "ORCPT=utf-8;a\\n",
            "ORCPT=utf-8;a\\x{0000041}", "ORCPT=rfc822;" + String(repeating: "x", count: 494),
        ])
    func malformedRecipient(_ text: String) {
        do {
            let meaning = try self.readRecipient(text)
            Issue.record("\(text) was read as \(meaning)")
        } catch {
            #expect(error.reply.code == 501)
        }
    }

    @Test("RCPT's parameters belong to DSN")
    func recipientUnsupported() {
        #expect(throws: ParameterError.unsupported(keyword: "NOTIFY")) {
            try RecipientParameters([Parameter("NOTIFY", "x")], offered: [.size])
        }
        #expect(throws: ParameterError.unsupported(keyword: "SIZE")) { try self.readRecipient("SIZE=1") }
    }

    @Test("xtext is decoded as it was encoded, and in no second spelling (RFC 3461 §4)")
    func xtext() {
        for text in ["", "plain", "a+b=c", "a b\t\r\n", "böb", "\u{0}"] {
            #expect(XText.decode(XText.encode(text)) == text)
        }
        #expect(XText.encodeUnicode("j\u{F6}+ \\@b") == "j\\x{F6}\\x{2B}\\x{20}\\x{5C}@b")
        #expect(XText.decodeUnicode(XText.encodeUnicode("\u{1F4E8}+ö=\\ @b")) == "\u{1F4E8}+ö=\\ @b")
        #expect(XText.encode("a+b=c d") == "a+2Bb+3Dc+20d")
        for text in ["+", "+2", "+2b", "+ZZ", "a b", "a=b", "+FF", "ö"] { #expect(XText.decode(text) == nil) }
    }
}
