import Mail
import SMTP
import Testing

@testable import Spool

@Suite("the rules")
struct RulesTests {
    @Test("hold, release and retry change what they name, and say why they skip others")
    func orders() throws {
        try RulesTranscript.expect(
            """
            mail u0 u1 u2
            > 1 hold u0 u1@9 u7
            u0 hold g1 held since 1
            skipped 2: changed
            fact held u0 <u0@b> by ann
            > 2 hold u0 u0@0
            skipped 1: alreadyOnHold
            skipped 1: changed
            > 3 retry u0 u1
            u1 queued g1 due 3
            skipped 1: onHold
            fact retried u1 <u1@b> by ann
            > 5 release u0 u2
            u0 queued g2 held for 4
            skipped 1: notOnHold
            fact released u0 <u0@b> by ann
            > 6 hold u0
            u0 hold g3 held since 6 held for 4
            fact held u0 <u0@b> by ann
            > 9 release u0
            u0 queued g4 held for 7
            fact released u0 <u0@b> by ann
            """)
    }

    @Test("a clock that was set back makes no time on hold negative")
    func clockSetBack() throws {
        try RulesTranscript.expect(
            """
            mail u0
            > 9 hold u0
            u0 hold g1 held since 9
            fact held u0 <u0@b> by ann
            > 2 release u0
            u0 queued g2
            fact released u0 <u0@b> by ann
            """)
    }

    @Test("an attempt's outcomes: a retry keeps what it was told, and who is settled is not settled again")
    func outcomes() throws {
        try RulesTranscript.expect(
            """
            mail u0 u1
            > 1 deferred u0 due=30 at=mx:25 session=out#1 reply=450
            u0 deferred g1 tries 1 due 30 "450"
            fact deferred u0 <u0@b> at mx:25 in out#1 "450"
            counts deferredAttempts +1
            > 2 deferred u0 due=2 try=no
            u0 deferred g2 tries 1 due 2 "450"
            fact deferred u0 <u0@b>
            > 3 relayed u0 u1@1
            stale
            > 4 relayed u0 reply=250
            u0 relayed g3 tries 2 due 2 "250" settled 4
            fact relayed u0 <u0@b> "250"
            counts relayed +1
            > 5 bounced u0
            stale
            > 5 hold u0
            skipped 1: settled
            > 6 bounced u1 reply=550 report=yes
            fact bounced u1 <u1@b> "550"
            fact reported <u0@b> "2"
            counts bounced +1, reports +1
            gone
            """)
    }

    @Test("what one attempt did to several is one fact to write and one of each to read; named twice it is stale")
    func many() throws {
        try RulesTranscript.expect(
            """
            mail u0 u1 u2
            > 1 deferred u0 u1 u2 due=9 notice=u1 reply=450
            u0 deferred g1 tries 1 due 9 "450"
            u1 deferred g1 tries 1 due 9 "450"
            u2 deferred g1 tries 1 due 9 "450"
            fact deferred u0 <u0@b> "450"
            fact deferred u1 <u1@b> "450"
            fact deferred u2 <u2@b> "450"
            as one row
            counts deferredAttempts +3
            > 2 expired u0 u1
            u0 expired g2 tries 2 due 9 "450" settled 2
            u1 expired g2 tries 2 due 9 "450" settled 2
            fact expired u0 <u0@b>
            fact expired u1 <u1@b>
            as one row
            counts expired +2
            > 3 relayed u2 u2
            stale
            > 4 relayed u2
            fact relayed u2 <u2@b>
            counts relayed +1
            gone
            """)
    }

    @Test("a delay notice changes nothing but that it was given; damage holds without being a try")
    func notices() throws {
        try RulesTranscript.expect(
            """
            mail u0
            > 4 deferred u0 due=9 try=no notice=delay report=yes
            u0 deferred g1 due 9 told of the delay
            fact reported <u0@b> "2"
            counts reports +1
            > 5 hold u0
            u0 hold g2 due 9 held since 5 told of the delay
            fact held u0 <u0@b> by ann
            > 6 release u0
            u0 deferred g3 due 9 held since 6 held for 1 told of the delay
            fact released u0 <u0@b> by ann
            > 7 damaged u0 try=no reply=changed
            u0 hold g4 due 9 held since 7 held for 1 told of the delay "changed"
            fact damaged u0 <u0@b> "changed"
            """)
    }

    @Test("a drop is taken back as it was, while there is time and nothing else has changed it")
    func undo() throws {
        try RulesTranscript.expect(
            """
            mail u0 u1
            > 1 deferred u0 due=30 reply=450
            u0 deferred g1 tries 1 due 30 "450"
            fact deferred u0 <u0@b> "450"
            counts deferredAttempts +1
            > 2 drop u0 u1 until=10
            u0 dropped g2 tries 1 due 30 "450" settled 2
            u1 dropped g1 settled 2
            fact dropped u0 <u0@b> by ann
            fact dropped u1 <u1@b> by ann
            counts dropped +2
            undo u0 by token 7
            undo u1 by token 7
            > 3 bounced u0
            stale
            > 11 undo
            skipped 2: tooLate
            > 10 undo
            u0 deferred g3 tries 1 due 30 "450"
            u1 queued g2
            fact restored u0 <u0@b> by bob
            fact restored u1 <u1@b> by bob
            counts dropped -2
            > 11 drop u1 until=20 token=3
            u1 dropped g3 settled 11
            fact dropped u1 <u1@b> by ann
            counts dropped +1
            undo u1 by token 3
            > 12 relayed u0
            u0 relayed g4 tries 2 due 30 "450" settled 12
            fact relayed u0 <u0@b>
            counts relayed +1
            > 13 undo
            u1 queued g4
            fact restored u1 <u1@b> by bob
            counts dropped -1
            > 14 relayed u1
            fact relayed u1 <u1@b>
            counts relayed +1
            gone
            """)
    }

    @Test("what was dropped while another node handed it over is relayed, and not taken back")
    func relayedAfterDrop() throws {
        try RulesTranscript.expect(
            """
            mail u0
            > 1 drop u0 until=10
            u0 dropped g1 settled 1
            fact dropped u0 <u0@b> by ann
            counts dropped +1
            undo u0 by token 7
            > 2 relayed u0
            u0 relayed g2 tries 1 settled 2
            fact relayed u0 <u0@b>
            counts relayed +1, dropped -1
            > 3 relayed u0
            stale
            > 4 undo
            skipped 1: changed
            """)
    }

    @Test("a drop of what is gone, or has changed since, is not taken back")
    func undoOfNothing() throws {
        try RulesTranscript.expect(
            """
            mail u0
            > 1 drop u0 until=10
            u0 dropped g1 settled 1
            fact dropped u0 <u0@b> by ann
            counts dropped +1
            undo u0 by token 7
            > 2 undo
            u0 queued g2
            fact restored u0 <u0@b> by bob
            counts dropped -1
            > 3 undo
            """)
        let drop = Drop(
            message: .init(rawValue: 1), token: 7, until: .init(milliseconds: 10), generation: 1,
            before: SpooledRecipient(index: 0, forwardPath: .postmaster, due: .init(milliseconds: 0)))
        let gone = UndoEffect([drop], of: nil, at: .init(milliseconds: 10), by: "bob")
        #expect(gone.message == nil && gone.facts.isEmpty && gone.skipped == [.changed: 1])
    }
}
