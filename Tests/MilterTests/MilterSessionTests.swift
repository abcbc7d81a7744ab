import Foundation
import NIOCore
import SMTP
import SeededRandom
import Testing

@testable import Milter

@Suite("sessions with a milter")
struct MilterSessionTests {
    private static let macros: MilterMacros = [
        "j": "mx.example.net", "{daemon_name}": "mx.example.net", "{client_addr}": "192.0.2.7", "{auth_authen}": "ann",
        "i": "4Q7K", "{mail_addr}": "ann@example.net", "{rcpt_addr}": "bob@example.org",
    ]

    @Test("one message, step by step, with the macros of each step")
    func message() {
        MilterParty.expect(
            """
            begin
            S: O 0x6 0x1ff 0x1ff7ff
            M: O #6 #0x1 #0
            *: continue
            tell connect client.example 192.0.2.7 40112
            S: D C j|mx.example.net|{daemon_name}|mx.example.net|{client_addr}|192.0.2.7|
            S: C client.example|4:40112:192.0.2.7|
            M: c
            *: continue
            tell hello client.example
            S: H client.example|
            M: c
            *: continue
            tell mail <ann@example.net> SIZE=24 BODY=8BITMIME
            S: D M {auth_authen}|ann|i|4Q7K|{mail_addr}|ann@example.net|
            S: M <ann@example.net>|SIZE=24|BODY=8BITMIME|
            M: c
            *: continue
            tell rcpt <bob@example.org>
            S: D R i|4Q7K|{rcpt_addr}|bob@example.org|
            S: R <bob@example.org>|
            M: c
            *: continue
            tell data
            S: D T i|4Q7K|
            S: T
            M: c
            *: continue
            tell header Subject: hi\\n there
            S: L Subject|hi\\n there|
            M: c
            *: continue
            tell eoh
            S: D N i|4Q7K|
            S: N
            M: c
            *: continue
            tell body hello\\r\\n
            S: B hello\\r\\n
            M: c
            *: continue
            tell eom
            S: D E i|4Q7K|
            S: E
            M: p
            *: progress
            M: h X-Spam|no|
            *: add X-Spam: no
            M: c
            *: continue
            quit
            S: Q
            """, macros: Self.macros)
    }

    @Test("a step that it does not want is not sent, and one that it does not answer is not waited for")
    func options() {
        MilterParty.expect(
            """
            begin
            S: O 0x6 0x1ff 0x1ff7ff
            M: O #6 #0 #0x88063
            *: continue
            tell connect client.example
            *: continue
            tell hello client.example
            *: continue
            tell mail <>
            S: M <>|
            M: c
            *: continue
            tell rcpt <bob@example.org>
            *: continue
            S: R <bob@example.org>|
            tell data
            S: T
            M: c
            *: continue
            tell header Subject: hi
            *: continue
            tell eoh
            *: continue
            tell body hello
            *: continue
            S: B hello
            tell eom
            S: E
            M: c
            *: continue
            """)
    }

    @Test("it chooses its macros, and is told values with their leading space")
    func choices() throws {
        var session = MilterSession()
        session.begin()
        _ = try session.next()
        var answer = ByteBuffer(integer: UInt32(0))
        answer.writeInteger(UInt8(ascii: "O"))
        answer.writeMultipleIntegers(UInt32(6), UInt32(0x101), UInt32(0x100000), UInt32(2))
        answer.writeString("{client_addr} j\0")
        answer.setInteger(UInt32(answer.readableBytes - 4), at: 0)
        session.receive(answer)
        let answered = try session.next()
        #expect(answered == .answer(.continue))
        session.tell(.mail("<>", []), Self.macros)
        guard case .send(let octets) = try session.next() else {
            Issue.record("nothing was sent")
            return
        }
        let text = String(buffer: octets)
        #expect(text.contains("DMj\0mx.example.net\0{client_addr}\0192.0.2.7\0"))
        #expect(!text.contains("4Q7K"))
    }

    @Test("an older milter is told what it knows")
    func version2() {
        MilterParty.expect(
            """
            begin
            S: O 0x6 0x1ff 0x1ff7ff
            M: O #2 #0x1f #0x40
            *: continue
            tell data
            *: continue
            tell eoh
            *: continue
            tell body x
            S: B x
            M: c
            *: continue
            """)
    }

    @Test("what it decides of a message ends its interest in it, and of a recipient does not")
    func decisions() {
        MilterParty.expect(
            """
            begin
            S: O 0x6 0x1ff 0x1ff7ff
            M: O #6 #0 #0x400
            *: continue
            tell mail <a@a.example>
            S: M <a@a.example>|
            M: c
            *: continue
            tell rcpt <b@b.example>
            S: R <b@b.example>|
            M: r
            *: reject
            tell rcpt <c@b.example>
            S: R <c@b.example>|
            M: y 450 4.7.1 100%% later|
            *: reply 450 4.7.1 100% later
            tell rcpt <d@b.example>
            S: R <d@b.example>|
            M: a
            *: accept
            tell data
            *: continue
            tell eom
            *: continue
            tell mail <a@a.example>
            S: M <a@a.example>|
            M: c
            *: continue
            tell body one
            S: B one
            M: s
            *: continue
            tell body two
            *: continue
            tell eom
            S: E
            M: d
            *: discard
            abort
            S: A
            tell mail <a@a.example>
            S: M <a@a.example>|
            M: t
            *: temporaryFailure
            tell mail <e@a.example>
            S: M <e@a.example>|
            M: 4
            *: shutDown
            tell mail <f@a.example>
            *: continue
            """)
    }

    @Test("a milter that accepts the session hears no more of it")
    func acceptedSession() {
        MilterParty.expect(
            """
            begin
            S: O 0x6 0x1ff 0x1ff7ff
            M: O #6 #0 #0
            *: continue
            tell connect client.example 2001:db8::1 25
            S: C client.example|6:25:2001:db8::1|
            M: a
            *: accept
            tell hello client.example
            *: continue
            tell mail <>
            *: continue
            """)
    }

    @Test("each change of a message, made harmless")
    func changes() {
        MilterParty.expect(
            """
            begin
            S: O 0x6 0x1ff 0x1ff7ff
            M: O #6 #0xff #0x7f
            *: continue
            tell eom
            S: E
            M: h X-Folded|one\\n two\\r\\n\\tthree\\nfour\\n|
            *: add X-Folded: one\\r\\n two\\r\\n\tthree\\r\\n\tfour
            M: i #0 Authentication-Results|mx; dkim=pass|
            *: insert at 1 Authentication-Results: mx; dkim=pass
            M: m #2 Subject|new\\rone|
            *: change 2. Subject: new one
            M: m #0 Bcc||
            *: change 1. Bcc:
            M: b anew
            *: body anew
            M: + <c@b.example>|
            *: add <c@b.example>
            M: + d@b.example|
            *: add <d@b.example>
            M: 2 <e@b.example>|NOTIFY=NEVER|
            *: add <e@b.example> NOTIFY=NEVER
            M: - b@b.example|
            *: delete <b@b.example>
            M: e <>|
            *: sender <>
            M: e s@a.example|RET=HDRS|
            *: sender <s@a.example> RET=HDRS
            M: q smells\\nof spam|
            *: quarantine smells of spam
            M: y 550-5.7.1 no\\r\\n550 5.7.1 never|
            *: reply 550 5.7.1 no / never
            """.replacing("\\t", with: "\t"))
    }

    @Test(
        "what is no milter's answer ends the session with a reason",
        arguments: [
            ("M: O #7 #0 #0", "it speaks version 7 of the protocol; this speaks 2 to 6"),
            ("M: O #6 #0x200 #0", "it wants what was not offered (actions 0x200, steps 0x0)"),
            ("M: O #6 #0 #0x800", "it wants what was not offered (actions 0x0, steps 0x800)"),
            ("M: O #2 #0 #0x80000", "it wants what was not offered (actions 0x0, steps 0x80000)"),
            ("M: O #6", "it sent a malformed OPTNEG"),
            ("M: c", "it sent CONTINUE out of turn"),
            ("M: Z", "it sent a packet of unknown kind 90"),
        ])
    func noNegotiation(_ packet: String, _ reason: String) {
        #expect(MilterParty.play(["begin", packet]).last == "*: \(reason)")
    }

    @Test(
        "nonsense at the end of a message is told from an answer",
        arguments: [
            ("M: h X-Spam|no|", "it sent ADDHEADER, which it had not asked for"),
            ("M: q spam|", "it sent QUARANTINE, which it had not asked for"),
            ("M: s", "it sent SKIP out of turn"),
            ("M: O #6 #0 #0", "it sent OPTNEG out of turn"),
            ("M: y 250 fine|", "it sent a malformed REPLYCODE"),
            ("M: y 550-one\\r\\n450 two|", "it sent a malformed REPLYCODE"),
            ("M: y |", "it sent a malformed REPLYCODE"),
            ("M: y 550 no end", "it sent a malformed REPLYCODE"),
            ("M: m #1 Sub:ject|x|", "it sent a malformed CHGHEADER"),
            ("M: m #1", "it sent a malformed CHGHEADER"),
            ("M: h X-Spam|no end", "it sent a malformed ADDHEADER"),
            ("M: + <b@b.example> NOTIFY=NEVER|", "it sent a malformed ADDRCPT"),
            ("M: + <b@b.example>\\r\\nDATA|", "it sent a malformed ADDRCPT"),
            ("M: - |", "it sent a malformed DELRCPT"),
            ("M: e nobody|", "it sent a malformed CHGFROM"),
        ])
    func nonsense(_ packet: String, _ reason: String) {
        let actions = reason.contains("asked for") ? "#0" : "#0x1ff"
        #expect(MilterParty.play(["begin", "M: O #6 \(actions) #0", "tell eom", packet]).last == "*: \(reason)")
    }

    @Test("a packet that announces too much is refused before it comes")
    func tooLarge() throws {
        var session = MilterSession()
        session.begin()
        _ = try session.next()
        session.receive(ByteBuffer(integer: UInt32(0x7F00_0000)))
        #expect(throws: MilterError.packetTooLarge(octets: 0x7F00_0000)) { try session.next() }
        var second = MilterSession()
        second.begin()
        _ = try second.next()
        second.receive(ByteBuffer(integer: UInt32(0)))
        #expect(throws: MilterError.packetTooLarge(octets: 0)) { try second.next() }
    }

    @Test("a header that no packet holds is told as far as one does")
    func longHeader() throws {
        var session = MilterSession()
        session.begin()
        _ = try session.next()
        session.receive(MilterParty.packet("O #6 #0 #0"))
        _ = try session.next()
        session.tell(.header(name: "X", value: ByteBuffer(repeating: UInt8(ascii: "x"), count: 100_000)))
        guard case .send(let octets) = try session.next() else {
            Issue.record("nothing was sent")
            return
        }
        #expect(octets.readableBytes == 4 + 1 + MilterStep.largestPiece)
    }

    @Test("random octets make an error, or wait for more, and never a crash")
    func random() {
        var generator = SeededGenerator(printedAs: "milter")
        for _ in 0..<3000 {
            var session = MilterSession()
            session.begin()
            session.receive(MilterParty.packet("O #6 #0x1ff #0"))
            while (try? session.next()) != nil {}
            session.tell(.endOfMessage)
            for _ in 0..<Int.random(in: 1...6, using: &generator) {
                let code = MilterCode.all.randomElement(using: &generator)!
                let data = (0..<Int.random(in: 0...40, using: &generator)).map { _ -> UInt8 in
                    Bool.random(using: &generator)
                        ? "<>@.: \0\r\n5".utf8.randomElement(using: &generator)!
                        : .random(in: 0...255, using: &generator)
                }
                var packet = ByteBuffer(integer: UInt32(data.count + 1))
                packet.writeInteger(code)
                packet.writeBytes(data)
                session.receive(packet)
            }
            do {
                while let action = try session.next() {
                    guard case .change(.addHeader(let field)) = action else { continue }
                    let text = String(decoding: field.value.readableBytesView, as: UTF8.self)
                    for line in text.split(separator: "\r\n", omittingEmptySubsequences: false).dropFirst() {
                        #expect(line.first == " " || line.first == "\t")
                    }
                }
            } catch {}
        }
    }
}

extension MilterCode {
    fileprivate static let all: [UInt8] = (0...255).filter { MilterCode(rawValue: $0) != nil } + [0, 0x5A]
}
