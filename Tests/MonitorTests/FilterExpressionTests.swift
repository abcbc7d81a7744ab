import Foundation
import Mail
import SMTP
import SeededRandom
import Testing

@testable import Monitor

@Suite("filters")
struct FilterExpressionTests {
    static let now = Timestamp(milliseconds: 1_795_510_800_000)
    static let row = QueueRow(
        ref: MessageRef(node: "mx1", id: "4Q7K000A", generation: 3), arrived: now.adding(milliseconds: -2 * 3_600_000),
        contentOctets: 20_480, state: .deferred, recipients: RecipientCounts([.deferred: 2]),
        from: "<App1@shop.example>", to: "<bob@Quota.example>", tries: 4,
        nextAttempt: now.adding(milliseconds: 300_000),
        destination: "mx.quota.example:25", lastReply: "452 4.2.2 Mailbox of eve@drop.example is over quota",
        tls: "TLSv1.3 AES_128", user: "shop-app")

    @Test(
        "what matches",
        arguments: [
            "", "bob", "BOB@quota", "4q7k", "app1", "bob app1", "bob | nobody", "nobody | bob app1", "!nobody", "~bob",
            "to:quota.example", "to:~quota", "to=bob@quota.example", "to=<bob@quota.example>", "to:=BOB@QUOTA.EXAMPLE",
            "from:app1", "!from:root", "from!:root", "to!=app1", "state!=hold", "!to!:quota", "/^bob/", "to:/^bob@/",
            #"to:/quota\.example$/"#, "from:/^<app[0-9]@/", "/B.B@/", #"to:/quota\.example>$/"#, #"to/:/ | bob"#,
            "id:4q", "id=4Q7K000A", "dest:quota", "dest=mx.quota.example:25", "state:deferred", "state:def",
            "!state:hold",
            "code:4", "code:452", "code:4.2.2", "code:4.2", "code=452", "code>=400", "code<500",
            "age>1h", "age<3h", "age>=2h", "age<=2h", "age>90m", "size>10k", "size<1M", "size:20480", "size=20k",
            "try:4", "try>3", "try<=4", "next<10m", "next>4m", "reply:quota", "reply:\"over quota\"",
            "tls:1.3", "user:shop", "user=shop-app", "to:quota code:4 age>1h !from:root",
            #"failure="452 4.2.2 mailbox of * is over quota""#,
            #"failure="452 4.2.2 Mailbox of zoe@x.example is over quota""#,
            "failure:over", "!failure:drop.example",
        ])
    func matches(_ text: String) throws {
        let filter = try FilterExpression(parsing: text, with: FilterField.ofQueue)
        #expect(filter.matches(QueueRowSubject(Self.row, at: Self.now)))
        #expect(filter.text == text)
    }

    @Test("the null reverse-path is asked for as any other", arguments: ["from:<>", "from=<>", "from:=<>", "from~<>"])
    func nullReversePath(_ text: String) throws {
        var row = Self.row
        row.from = "<>"
        let filter = try FilterExpression(parsing: text, with: FilterField.ofQueue)
        #expect(filter.matches(QueueRowSubject(row, at: Self.now)))
        #expect(!filter.matches(QueueRowSubject(Self.row, at: Self.now)))
    }

    @Test("what is damaged is found by that word, and as what it is, on hold")
    func damaged() throws {
        var row = Self.row
        row.state = .hold
        row.why = .held(by: "ops")
        let damaged = try FilterExpression(parsing: "state:damaged", with: FilterField.ofQueue)
        let held = try FilterExpression(parsing: "state:hold", with: FilterField.ofQueue)
        #expect(!damaged.matches(QueueRowSubject(row, at: Self.now)))
        row.why = .damaged(reason: "its content ends early")
        #expect(damaged.matches(QueueRowSubject(row, at: Self.now)))
        #expect(held.matches(QueueRowSubject(row, at: Self.now)))
        for (prefix, isMeant) in [("d", false), ("da", true), ("de", false)] {
            let filter = try FilterExpression(parsing: "state:\(prefix)", with: FilterField.ofQueue)
            #expect(filter.matches(QueueRowSubject(row, at: Self.now)) == isMeant, "\(prefix)")
        }
    }

    @Test(
        "what does not; a plain word is not looked for in what a remote host said",
        arguments: [
            "nobody", "!bob", "bob nobody", "nobody | nowhere", "quota.example:25", "drop.example", "over", "452",
            "deferred", "to=bob", "to:app1", "from:bob", "dest:elsewhere", "state:hold", "code:5", "code:4.2.21",
            "code:4.2.", "age>2d", "age<1h", "size>1M", "try>4", "next>10m", "reply:greylist", "!reply:quota",
            "tls:1.2", #"failure="552 4.2.2 Mailbox of eve@drop.example is over quota""#, #"failure="over quota""#,
            "user=shop", "id=4q7k", "/^ob@/", "to:/^ob@/", "to!=bob@quota.example", "to!:quota", "!state!:hold",
        ].filter { $0 != "quota.example:25" && $0 != "code:4.2." })
    func differs(_ text: String) throws {
        let filter = try FilterExpression(parsing: text, with: FilterField.ofQueue)
        #expect(!filter.matches(QueueRowSubject(Self.row, at: Self.now)))
    }

    @Test(
        "what is not understood, and where",
        arguments: [
            ("frm:app1", 0, "no field frm: id"), ("bob frm:app1", 4, "no field frm: id"),
            ("from:", 5, "from wants a value"), ("bob |", 5, "a condition is missing"), ("| bob", 0, "a condition"),
            ("!", 1, "a condition is missing"), ("! bob", 1, "a condition is missing"),
            ("to:\"bob", 3, "the closing \" is missing"), ("to:/bob", 3, "the closing / is missing"),
            ("from>app", 5, "from is a text"), ("age>1", 4, "\"1\" is no time"), ("age>1y", 4, "\"1y\" is no time"),
            ("size>big", 5, "\"big\" is no size"), ("try>few", 4, "\"few\" is no number"), ("code:x", 5, "\"x\" is no"),
            ("state:gone", 6, "there is no state \"gone\""), ("to:/(/", 3, "the pattern is not understood"),
            ("to:/a{9}/", 3, "the pattern is not understood"), (#"to:/(a)\1/"#, 3, "the pattern is not understood"),
            ("name:mx", 0, "no field name: id"),
            ("state:refused", 0, "there is no state \"refused\" here: queued, active,"),
            (#"to:/\q/"#, 3, #"the pattern is not understood: \q is not supported; \d"#),
            (#"to:/[\]]/"#, 3, "the pattern is not understood"),
        ])
    func errors(_ text: String, _ position: Int, _ words: String) {
        let error = #expect(throws: FilterSyntaxError.self) {
            try FilterExpression(parsing: text, with: FilterField.ofQueue)
        }
        #expect(error?.position == position)
        #expect(error?.description.hasPrefix(words) == true)
    }

    @Test("several filters as one mean what at least one of them means")
    func anyOf() {
        let filter = FilterExpression(anyOf: [
            FilterExpression(.state, is: "hold"), FilterExpression(.dest, is: "no route"),
        ])
        #expect(filter.text == "state=hold | dest=\"no route\"")
        #expect(filter.alternatives.count == 2)
        #expect(FilterExpression(anyOf: []).matchesAll)
        let others = FilterExpression(noneOf: [
            FilterExpression(.state, is: "hold"), FilterExpression(.dest, is: "no route"),
        ])
        #expect(others.text == "!state=hold !dest=\"no route\"")
        #expect(FilterExpression(noneOf: []).matchesAll)
    }

    @Test("a field's value as a filter means that value alone, whatever is in it")
    func doors() {
        for value in ["mx.quota.example:25", noRoute, "[2001:db8::1]:25", "a|b", "!x", "a b/c", "<>"] {
            var row = Self.row
            row.destination = value
            #expect(FilterExpression(.dest, is: value).matches(QueueRowSubject(row, at: Self.now)))
            #expect(
                !FilterExpression(.dest, is: value).matches(QueueRowSubject(Self.row, at: Self.now))
                    || value == Self.row.destination)
        }
        #expect(!FilterExpression([(.age, ">", "soon")]).matches(QueueRowSubject(Self.row, at: Self.now)))
    }

    @Test("sessions have fields of their own")
    func connections() throws {
        let row = ConnectionRow(
            ref: SessionRef(node: "mx1", id: "in#41"), direction: .inbound, peer: "192.0.2.7:40112",
            name: "client.example", phase: .content, started: Self.now.adding(milliseconds: -90_000),
            lastActivity: Self.now)
        for (text, isMatch) in [
            ("client", true), ("peer:192.0.2.", true), ("state:data", true), ("state:rcpt", false), ("age>1m", true),
            ("name=client.example", true), ("id:out", false),
        ] {
            let filter = try FilterExpression(parsing: text, with: FilterField.ofConnections)
            #expect(filter.matches(ConnectionSubject(row, at: Self.now)) == isMatch, "\(text)")
        }
        #expect(throws: FilterSyntaxError.self) {
            try FilterExpression(parsing: "to:bob", with: FilterField.ofConnections)
        }
    }

    @Test("a search goes round, in both directions")
    func search() {
        #expect(Array(SearchRequest(.all, from: 2).rows(of: 4)) == [2, 3, 0, 1])
        #expect(Array(SearchRequest(.all, from: 1, isForward: false).rows(of: 4)) == [1, 0, 3, 2])
        #expect(Array(SearchRequest(.all, from: -1).rows(of: 3)) == [2, 0, 1])
        #expect(Array(SearchRequest(.all, from: 7).rows(of: 0)) == [])
    }

    @Test("random text is understood or refused, and never a trap")
    func noise() {
        var random = SeededGenerator(printedAs: "filters")
        let pieces = [
            "from", "to:", "age", ">", "<", "=", ":", "~", "!", "|", " ", "/", "\"", "\\", "1h", "4.2.2", "(", "[", "*",
            "+", "é", "\u{202E}", "k", "\n", "{", "9999999999999999999",
        ]
        for _ in 0..<20_000 {
            let text = (0..<Int.random(in: 0..<9, using: &random)).map { _ in pieces.randomElement(using: &random) ?? ""
            }
            .joined()
            guard let filter = try? FilterExpression(parsing: text) else { continue }
            _ = filter.matches(QueueRowSubject(Self.row, at: Self.now))
        }
    }
}
