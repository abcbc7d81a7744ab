import Mail
import Monitor
import Testing

@testable import FeedTesting
@testable import Screen

@Suite("standing rules, and orders about destinations")
struct StandingTests {
    /// 09:00:00 UTC.
    private static let now = ScriptedFeed.now

    private static func terms(_ line: String) -> String {
        let parts = line.split(separator: " ", maxSplits: 1).map(String.init)
        var words = StandingWords(parts.count > 1 ? parts[1] : nil, at: Self.now)
        do throws(StandingWords.Problem) {
            switch parts[0] {
            case "rule":
                let order = try words.rule()
                return "\(try words.terms(order))"
            case "suspend":
                let destination = try words.destination("mx:25")
                return "\(try words.terms(.suspend(destination: destination)))"
            default:
                let destination = try words.destination("mx:25")
                let via = try words.way()
                return "\(try words.terms(.reroute(destination: destination, via: via)))"
            }
        } catch {
            return "? \(error.text)"
        }
    }

    @Test(
        "what is typed is read, and what cannot be is told",
        arguments: [
            ("suspend", "suspend mx:25"),
            (
                "suspend a.example:25 until 09:30 a new disk",
                "suspend a.example:25 until 2026-11-24T09:30:00Z: a new disk"
            ),
            ("suspend until 06:00", "suspend mx:25 until 2026-11-25T06:00:00Z"),
            ("suspend until 2026-12-01", "suspend mx:25 until 2026-12-01T00:00:00Z"),
            ("suspend for 90m", "suspend mx:25 until 2026-11-24T10:30:00Z"),
            ("suspend until tomorrow", "? write until 06:00 or until 2026-11-30T06:00, in UTC"),
            ("suspend until 2026-02-30", "? write until 06:00 or until 2026-11-30T06:00, in UTC"),
            ("suspend for 0m", "? write for 30m, for 2h or for 3d"),
            ("reroute b:25 to c:25 for 2h", "reroute b:25 to c:25 until 2026-11-24T11:00:00Z"),
            ("reroute b:25", "? say to HOST:PORT, to mx, or to route for the way back"),
            ("rule hold to example.org", "hold to example.org"),
            ("rule refuse from <>", "refuse 550 from <>"),
            (
                "rule refuse 450 \"Come later\" client 192.0.2.0/24 for 1d a run",
                "refuse 450 client 192.0.2.0/24 until 2026-11-25T09:00:00Z: a run"
            ),
            (
                "rule hold to a.example for 1h the \"big\" one",
                "hold to a.example until 2026-11-24T10:00:00Z: the \"big\" one"
            ),
            ("rule hold to a.example \"all of it\"", "hold to a.example: all of it"),
            ("rule hold", "? write hold|refuse [550] from|to|user|client WHOSE"),
            ("rule hold by ann", "? write hold|refuse [550] from|to|user|client WHOSE"),
        ])
    func words(_ line: String, _ expected: String) { #expect(Self.terms(line) == expected) }

    @Test("what a shell kept together stays so, and keeps its own quotation marks")
    func shellWords() throws {
        var words = StandingWords(
            ["refuse", "550", "No mail", "from", "a.example", "for", "1h", #"maintenance "x""#], at: Self.now)
        let order = try words.rule()
        #expect(order == .refuse(mail: .sender(pattern: "a.example"), with: Refusal(code: 550, text: "No mail")))
        #expect(try words.terms(order).reason == #"maintenance "x""#)
    }

    @Test("a rule is asked for with what it touches, set, taken back, and done again", arguments: [false, true])
    func rule(_ isCoded: Bool) async {
        let rig = await Rig(isCoded: isCoded)
        await rig.run("rule hold to example.org until 12:00 maintenance")
        #expect(await rig.text.contains("41 recipients of 39 messages match now, 3 of them on hold already"))
        #expect(await rig.text.contains("Until 12:00 UTC, in 3h."))
        // Cancel is what is chosen at first.
        await rig.press(.enter)
        #expect(await rig.text.contains("nothing was done"))
        #expect(rig.feed.performed.isEmpty)
        await rig.run("rule hold to example.org until 12:00 maintenance")
        await rig.press(.tab, .enter)
        #expect(rig.feed.performed == ["set hold to example.org until 2026-11-24T12:00:00Z: maintenance"])
        #expect(await rig.text.contains("hold to example.org: 38 recipients of 36 messages"))
        #expect(await rig.text.contains("z undo hold"))
        await rig.press("z")
        #expect(rig.feed.performed.last == "end 7")
        #expect(await rig.text.contains("undo hold"))
        await rig.press("Z")
        #expect(rig.feed.performed.last == "set hold to example.org until 2026-11-24T12:00:00Z: maintenance")
    }

    @Test("what set a rule is taken back also when its end was taken back before, and all of it is done again")
    func ruleOfAnotherName() async {
        let rig = await Rig()
        await rig.run("rule hold to example.org")
        await rig.press(.tab, .enter, "b", "d", .tab, .enter)
        #expect(rig.feed.performed == ["set hold to example.org", "end 7"])
        await rig.press("z", "z")
        #expect(rig.feed.performed.suffix(2) == ["set hold to example.org", "end 8"])
        await rig.press("Z", "Z")
        #expect(rig.feed.performed.suffix(2) == ["set hold to example.org", "end 9"])
    }

    @Test("a destination is suspended and resumed by one key, and by its name")
    func suspend() async {
        let rig = await Rig()
        await rig.press("P")
        #expect(await rig.text.contains("suspend mx.example.org:25"))
        await rig.press(.tab, .enter)
        #expect(rig.feed.performed == ["set suspend mx.example.org:25"])
        #expect(await rig.text.contains("mx.example.org:25 suspended: 38 recipients"))
        rig.feed.write {
            $0.overview.attention = [
                Attention(
                    .warning,
                    .suspended(
                        destination: "mx.example.org:25", by: "ops", until: Self.now.adding(milliseconds: 7_200_000),
                        reason: "a new disk"), count: 3, door: FilterExpression(.dest, is: "mx.example.org:25"))
            ]
        }
        await rig.refresh()
        #expect(await rig.text.contains("suspended by ops"))
        await rig.press("P")
        #expect(await rig.text.contains("Resume?"))
        await rig.press(.tab, .enter)
        #expect(rig.feed.performed.last == "end 7")
        await rig.press("z")
        #expect(rig.feed.performed.last == "set suspend mx.example.org:25")
        await rig.run("resume mx.example.org")
        #expect(await rig.text.contains("They go on at once."))
        await rig.press(.tab, .enter)
        await rig.run("resume mx.example.org")
        #expect(await rig.text.contains("mx.example.org is not suspended"))
        await rig.run("suspend nowhere.example:25")
        #expect(await rig.text.contains("No route leads to that name, and no mail goes there."))
    }

    @Test("the destination is that of the session, or of the recipient, that the cursor is on")
    func places() async {
        let rig = await Rig()
        for keys in [["3"], ["2", "j", .enter]] as [[Key]] {
            for key in keys { await rig.press(key) }
            await rig.press("P")
            #expect(await rig.text.contains("suspend mx.example.org:25"))
            await rig.press(.escape)
        }
    }

    @Test("what is chosen goes another way, and back by an undo; so does all of a destination's")
    func reroute() async {
        let rig = await Rig()
        await rig.press("2", " ", " ")
        await rig.run("reroute to mx2.example.org:25")
        #expect(await rig.text.contains("They go to mx2.example.org:25 from now on"))
        await rig.press(.tab, .enter, "z")
        #expect(rig.feed.performed[0].hasPrefix("reroute 4Q"))
        #expect(rig.feed.performed[0].hasSuffix("to mx2.example.org:25"))
        #expect(rig.feed.performed[1] == "reroute set 7 to route")
        await rig.run("reroute mx.example.org:25 to mx2.example.org:25 for 2h")
        await rig.press(.tab, .enter)
        #expect(
            rig.feed.performed.last
                == "set reroute mx.example.org:25 to mx2.example.org:25 until 2026-11-24T11:00:00Z")
        await rig.run("reroute mx.example.org:25 to route")
        await rig.press(.tab, .enter)
        #expect(rig.feed.performed.last?.hasPrefix("end ") == true)
    }

    @Test("R asks where to, and the palette offers what may follow")
    func prompt() async {
        let rig = await Rig()
        await rig.press("2", "R", "j", "j", .enter)
        await rig.type("mx2.example.org:25")
        await rig.press(.enter)
        #expect(await rig.text.contains("They go to mx2.example.org:25 from now on"))
        await rig.press(.escape, ":")
        await rig.type("suspend ")
        await rig.press(.tab, .enter)
        #expect(await rig.text.contains("suspend mx.example.org:25"))
    }

    @Test("a limit lasts until somebody ends it, which is said; an undo brings back what was")
    func limit() async {
        let rig = await Rig()
        await rig.run("limit mx.example.org:25 2")
        #expect(await rig.text.contains("it outlasts a restart"))
        await rig.press(.tab, .enter, "z")
        #expect(rig.feed.performed == ["limit mx.example.org:25 2", "limit mx.example.org:25 off"])
        await rig.run("limit mx.example.org:25 many")
        #expect(await rig.text.contains("say how many connections, or off"))
    }

    @Test("nothing of it is done while locked, nor through a feed that cannot")
    func refused() async {
        let rig = await Rig { $0.isLocked = true }
        await rig.run("suspend mx.example.org:25")
        #expect(await rig.text.contains("locked: L unlocks"))
        await rig.run("rules")
        #expect(await rig.text.contains("no rule is in force"))
        await rig.press("d")
        #expect(await rig.text.contains("locked: L unlocks"))
    }

    @Test("an error of the feed is told, and nothing is asked")
    func failure() async {
        let rig = await Rig()
        rig.feed.write { $0.failure = FeedError(.invalid, "x y is no address: name one") }
        await rig.run("rule hold client x")
        #expect(await rig.text.contains("x y is no address: name one"))
    }

    @Test(
        "the list of rules, a dialog over it, and what is suspended in the overview", arguments: [(80, 24), (120, 36)])
    func screens(_ size: (Int, Int)) async throws {
        let rig = await Rig(columns: size.0, rows: size.1)
        rig.feed.write { script in
            let until = Self.now.adding(milliseconds: 75_600_000)
            let terms: [StandingRule.Terms] = [
                .init(.hold(mail: .recipient(pattern: "example.org")), until: until, reason: "maintenance"),
                .init(
                    .refuse(mail: .sender(pattern: "*.spam.example"), with: Refusal(code: 550)), reason: "a spam run"),
                .init(.suspend(destination: "mx.example.org:25"), until: Self.now.adding(milliseconds: 7_200_000)),
                .init(.reroute(destination: "mx.example.com:25", via: "mx2.example.com:2525")),
            ]
            script.rules = terms.enumerated().map { index, terms in
                let rule = StandingRule(
                    id: Int64(index + 3), terms, at: Self.now.adding(milliseconds: -1_200_000), by: "ops")
                return RuleRow(
                    ref: RuleRef(node: "mx1", id: rule.id), rule: rule, held: index == 0 ? 1204 : 0,
                    refused: index == 1 ? 31_207 : 0)
            }
            let suspended = Attention.Kind.suspended(
                destination: "mx.example.org:25", by: "ops", until: Self.now.adding(milliseconds: 7_200_000),
                reason: "a new disk")
            script.overview.attention = [
                Attention(.warning, suspended, count: 3, door: FilterExpression(.dest, is: "mx.example.org:25"))
            ]
            script.overview.destinations[0].condition = .suspended
            script.overview.destinations[0].until = Self.now.adding(milliseconds: 7_200_000)
            script.overview.destinations[0].reason = "suspended by ops: a new disk"
            script.facts.append(
                FactRow(
                    at: Self.now, kind: .ruleSet, message: nil, text: "3 hold to example.org: maintenance",
                    actor: "ops"))
        }
        await rig.refresh()
        try await rig.expect("overview-suspended")
        await rig.press("b")
        try await rig.expect("rules")
        guard size.0 == 80 else { return }
        await rig.press("d")
        try await rig.expect("rules-end")
        await rig.press(.escape)
        await rig.run("rule refuse 550 from *.spam.example for 2h a spam run")
        try await rig.expect("rule-preview")
    }
}
