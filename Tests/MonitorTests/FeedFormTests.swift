import Foundation
import Mail
import Testing

@testable import Monitor

/// The JSON form of what travels through a feed: other programs will read it.
@Suite("the feed's JSON form")
struct FeedFormTests {
    private func form(_ value: some Codable & Equatable & Sendable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let data = try encoder.encode(value)
        #expect(try JSONDecoder().decode(type(of: value), from: data) == value)
        return String(decoding: data, as: UTF8.self)
    }

    @Test("names stand for everything; a filter is its text")
    func forms() throws {
        let message = MessageRef(node: "mx1", id: "4Q7K", generation: 2)
        #expect(
            try self.form(Targets.messages(references: [message], matching: FilterExpression(parsing: "to:bob age>1h")))
                == #"{"messages":{"matching":"to:bob age>1h","references":[{"generation":2,"id":"4Q7K","node":"mx1"}]}}"#
        )
        #expect(
            try self.form(
                Receipt(
                    done: 3, messages: 1, skipped: [.active: 2, .onHold: 1], remarks: [.noRoute(domain: "a.example")]))
                == #"{"done":3,"messages":1,"remarks":[{"noRoute":{"domain":"a.example"}}],"skipped":{"active":2,"onHold":1}}"#
        )
        #expect(try self.form(FeedChange.missed(events: 312)) == #"{"missed":{"events":312}}"#)
        #expect(try self.form(FeedChange.changed(areas: [.queue])) == #"{"changed":{"areas":["queue"]}}"#)
        #expect(
            try self.form(WindowRequest<SessionRef>(.row(number: 7), count: 30))
                == #"{"anchor":{"row":{"number":7}},"count":30}"#)
        #expect(try self.form(RecipientCounts([.deferred: 2, .hold: 1])) == #"{"deferred":2,"hold":1}"#)
        #expect(try self.form(AgeCounts([1, 0, 4])) == #"{"20":4,"5":1}"#)
        #expect(
            try self.form(
                Attention(
                    .warning, .deferring(destination: "mx:25", reply: "451 4.7.1 later"), count: 107,
                    door: FilterExpression(.dest, is: "mx:25")))
                == #"{"count":107,"door":"dest=mx:25","kind":{"deferring":{"destination":"mx:25","reply":"451 4.7.1 later"}},"severity":"warning"}"#
        )
        #expect(
            try self.form(WaitReason.backoff(until: nil, reason: "connection refused"))
                == #"{"backoff":{"reason":"connection refused"}}"#)
        #expect(try self.form(WaitReason.due) == #"{"due":{}}"#)
        #expect(try self.form(WaitReason.behind(others: 41)) == #"{"behind":{"others":41}}"#)
        #expect(
            try self.form(WaitReason.limited(others: 41, connections: 2))
                == #"{"limited":{"connections":2,"others":41}}"#)
        #expect(
            try self.form(WaitReason.limitedElsewhere(connections: 1))
                == #"{"limitedElsewhere":{"connections":1}}"#)
        #expect(try self.form(WaitReason.rate(until: nil)) == #"{"rate":{}}"#)
        #expect(
            try self.form(WaitReason.lookup(until: nil, reason: "SERVFAIL")) == #"{"lookup":{"reason":"SERVFAIL"}}"#)
        #expect(try self.form(WaitReason.spoolFailing) == #"{"spoolFailing":{}}"#)
        #expect(
            try self.form(Receipt.Remark.takes(milliseconds: 9000)) == #"{"takes":{"milliseconds":9000}}"#)
        #expect(try self.form(WaitReason.held(by: "ops")) == #"{"held":{"by":"ops"}}"#)
        let terms = StandingRule.Terms(
            .refuse(mail: .sender(pattern: "*.example.net"), with: Refusal(code: 550, text: "No")),
            until: Timestamp(milliseconds: 5), reason: "a run")
        #expect(
            try self.form(StandingAction.set(terms: terms))
                == #"{"set":{"terms":{"order":{"refuse":{"mail":{"sender":{"pattern":"*.example.net"}},"with":{"code":550,"text":"No"}}},"reason":"a run","until":5}}}"#
        )
        #expect(
            try self.form(StandingOrder.reroute(destination: "mx:25", via: "b:25"))
                == #"{"reroute":{"destination":"mx:25","via":"b:25"}}"#)
        #expect(
            try self.form(Receipt(done: 1, messages: 1, inverse: .end(rule: RuleRef(node: "mx1", id: 3))))
                == #"{"done":1,"inverse":{"end":{"rule":{"id":3,"node":"mx1"}}},"messages":1,"remarks":[],"skipped":{}}"#
        )
        #expect(
            try self.form(WaitReason.suspended(by: "ops", until: nil, reason: "a disk"))
                == #"{"suspended":{"by":"ops","reason":"a disk"}}"#)
        #expect(try self.form(FeedCapabilities.Note.noRoute) == #""noRoute""#)
        #expect(
            try self.form(
                JournalEntry(
                    ref: JournalRef(node: "mx1", number: 7),
                    fact: FactRow(at: Timestamp(milliseconds: 5), kind: .accepted, message: "4Q7K", from: "<a@b>"),
                    messageID: "<1@b>", peer: "192.0.2.7:40112", security: .plaintext))
                == #"{"fact":{"at":5,"from":"<a@b>","kind":"accepted","message":"4Q7K"},"messageID":"<1@b>","peer":"192.0.2.7:40112","ref":{"node":"mx1","number":7},"security":{"isVerified":false}}"#
        )
        #expect(
            try self.form(JournalQuery(filter: FilterExpression(parsing: "to:bob"), since: Timestamp(milliseconds: 5)))
                == #"{"filter":"to:bob","newestFirst":true,"since":5,"wanted":""}"#)
        #expect(try self.form(JournalRequest(behind: "7", count: 9)) == #"{"count":9,"place":"7"}"#)
    }

    @Test("what a later version tells beside is left out, or shown as not known, and takes nothing else with it")
    func laterKinds() throws {
        func read<Value: Decodable>(_ type: Value.Type, _ text: String) throws -> Value {
            try JSONDecoder().decode(type, from: Data(text.utf8))
        }
        let attention = try read(
            [Attention].self,
            #"[{"severity":"warning","kind":{"moonFull":{"since":5}},"count":3},{"severity":"notice","kind":{"draining":{}}}]"#
        )
        var unknown = Attention(.warning, .unknown(name: "moonFull"), count: 3)
        #expect(attention == [unknown, Attention(.notice, .draining)])
        unknown.node = "mx1"
        #expect(try read(Attention.self, self.form(unknown)) == unknown)
        #expect(try read([FleetStatus.Node.State].self, #"["up","asleep","gone"]"#) == [.up, .unknown, .gone])
        let capabilities = try read(
            FeedCapabilities.self,
            #"{"node":"mx1","software":"hoptop 9","areas":["queue","dreams"],"abilities":["fly","hold"],"notes":["odd"]}"#
        )
        #expect(
            capabilities
                == FeedCapabilities(
                    node: "mx1", software: "hoptop 9", areas: [.queue], abilities: [.hold], takesReasons: nil))
        let facts = try read(
            FactWindow.self,
            #"{"rows":[{"at":5,"kind":"odd"},{"at":6,"kind":"held","message":"4Q7K"}],"end":"9","missing":1}"#)
        let held = FactRow(at: Timestamp(milliseconds: 6), kind: .held, message: "4Q7K")
        #expect(facts == FactWindow(rows: [held], end: "9", missing: 2))
        #expect(
            try read(FeedChange.self, #"{"changed":{"areas":["queue","dreams"]}}"#) == .changed(areas: [.queue]))
    }

    @Test("a filter that is not understood is no value")
    func badFilter() {
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode(
                QueueQuery.self, from: Data(#"{"filter":"frm:x","sort":"age","descending":true}"#.utf8))
        }
    }
}
