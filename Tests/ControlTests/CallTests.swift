import Foundation
import Mail
import Monitor
import SMTP
import Testing

@testable import Control

/// What a client writes is what the server reads.
@Suite("calls of the API")
struct CallTests {
    private static let hostile = "a b/c?d=e&f#g%h+i\u{1B}[2J\u{202E}ü"

    private func roundTrip<Call: ControlCall>(_ call: Call) throws {
        let arguments = try call.arguments
        let target = try #require(ControlTarget(ControlTarget.text(of: Call.route, arguments)))
        let path = try #require(Call.route.match(target.segments))
        #expect(Set(target.query.keys).isSubset(of: Call.route.query))
        let read = try Call(CallArguments(path: path, query: target.query, body: arguments.body), node: "mx1")
        #expect("\(read)" == "\(call)")
    }

    @Test("every call comes through its target and body as it was")
    func roundTrips() throws {
        let session = SessionRef(node: "mx1", id: "in#4410")
        let message = MessageRef(node: "mx1", id: "7F3A", generation: 0)
        let filter = FilterExpression([(.to, ":", Self.hostile), (.age, ">", "1h")])
        let query = QueueQuery(filter: filter, sort: .next, descending: false)
        let sessions = ConnectionQuery(filter: FilterExpression(.peer, is: "192.0.2.7"), includesEnded: true)
        try self.roundTrip(CapabilitiesCall())
        try self.roundTrip(OverviewCall())
        try self.roundTrip(QueueCall(query, window: WindowRequest(.row(number: 7), count: 50)))
        try self.roundTrip(QueueCall(query, window: WindowRequest(.last, count: 50)))
        try self.roundTrip(QueueCall(query, window: WindowRequest(.row(number: 7), count: 50, takesPart: true)))
        try self.roundTrip(
            QueueCall(query, window: WindowRequest(.item(id: message, offset: 3, fallback: 9), count: 1)))
        try self.roundTrip(
            ConnectionsCall(sessions, window: WindowRequest(.item(id: session, offset: 0, fallback: 0), count: 10)))
        try self.roundTrip(QueueSearchCall(SearchRequest(filter, from: 3, isForward: false), in: query))
        try self.roundTrip(
            ConnectionSearchCall(SearchRequest(FilterExpression(.name, is: Self.hostile), from: 0), in: sessions))
        let destinations = DestinationQuery(filter: FilterExpression(.dest, is: Self.hostile), sort: .oldest)
        let hop = DestinationRef(node: "mx1", id: "mx.example.org:25#2")
        try self.roundTrip(
            DestinationsCall(destinations, window: WindowRequest(.item(id: hop, offset: 2, fallback: 0), count: 10)))
        try self.roundTrip(DestinationSearchCall(SearchRequest(destinations.filter, from: 1), in: destinations))
        try self.roundTrip(MessageCall(Self.hostile))
        try self.roundTrip(RouteCall(Self.hostile))
        try self.roundTrip(FleetCall())
        try self.roundTrip(DrainCall(255, false))
        try self.roundTrip(ForgetNodeCall(255))
        try self.roundTrip(ContentCall(Self.hostile, from: 3, count: 10))
        try self.roundTrip(TranscriptCall(session, from: 3, count: 10))
        try self.roundTrip(FactsCall(after: Self.hostile, count: 5))
        try self.roundTrip(FactsCall(after: nil, count: 5))
        let journal = JournalQuery(
            filter: FilterExpression(.msgid, is: Self.hostile), wanted: FilterExpression(.state, is: "bounced"),
            since: Timestamp(milliseconds: 1_795_510_800_007), until: Timestamp(milliseconds: 1_795_510_801_000),
            newestFirst: false)
        try self.roundTrip(JournalCall(journal, window: JournalRequest(behind: Self.hostile, count: 7)))
        try self.roundTrip(JournalCall(JournalQuery(), window: JournalRequest(count: 7)))
        try self.roundTrip(JournalStatusCall())
        try self.roundTrip(FreezeCall(query))
        try self.roundTrip(QueueActionCall(.hold, on: .messages(references: [message], matching: filter)))
        let set = Targets.frozen(set: FrozenSetID(node: "mx1", id: 2))
        try self.roundTrip(QueueActionCall(.bounce, on: set, because: Self.hostile))
        try self.roundTrip(UndoCall(UndoToken(node: "mx1", id: 7)))
        try self.roundTrip(RerouteCall(.frozen(set: FrozenSetID(node: "mx1", id: 2)), via: "mx"))
        try self.roundTrip(CloseCall(session))
        try self.roundTrip(UndoableCall())
        try self.roundTrip(PurgeCall(until: nil, of: nil))
        try self.roundTrip(PurgeCall(until: Timestamp(milliseconds: 1_795_510_800_007), of: 2))
        try self.roundTrip(ShutdownCall(Self.hostile))
        try self.roundTrip(RulesCall())
        let terms = StandingRule.Terms(.suspend(destination: "mx.example.org:25"), reason: Self.hostile)
        try self.roundTrip(RulePreviewCall(terms))
        try self.roundTrip(StandingActionCall(.set(terms: terms)))
    }

    @Test("a stream comes through its target as it was")
    func streams() throws {
        for query in [
            TraceQuery(),
            TraceQuery(
                filter: FilterExpression(.name, is: Self.hostile), direction: .outbound, peer: Network("2001:db8::/32"),
                message: Self.hostile, failedOnly: true, includesEnded: true),
        ] {
            let text = ControlTarget.text(of: TraceStream.route, TraceStream(query).arguments)
            let target = try #require(ControlTarget(text))
            #expect(Set(target.query.keys).isSubset(of: TraceStream.route.query))
            #expect(try TraceStream(CallArguments(query: target.query), node: "mx1").query == query)
        }
        for wrong in [["peer": "192.0.2.0/33"], ["direction": "up"], ["filter": "colour:red"], ["failed": "yes"]] {
            #expect(throws: FeedError.self) { try TraceStream(CallArguments(query: wrong), node: "mx1") }
        }
    }

    @Test("no two calls share a method and a path")
    func distinct() {
        let routes = ControlAPI.calls.map { $0.route } + ControlAPI.streams.map { $0.route }
        #expect(Set(routes.map { "\($0.method.rawValue) \($0.path)" }).count == routes.count)
    }

    @Test(
        "a target that is not understood is none",
        arguments: ["", "v1/queue", "http://host/v1", "/v1/%", "/v1/%G0", "/v1/%+1", "/%FF", "/v1?a=1&a=2", "*"])
    func targets(_ text: String) { #expect(ControlTarget(text) == nil) }

    @Test("a mistake in a query says what would be right")
    func mistakes() {
        func refusal(_ query: [String: String]) -> String? {
            do throws(FeedError) {
                _ = try QueueCall(CallArguments(query: query), node: "mx1")
                return nil
            } catch {
                return error.code == .invalid ? error.description : nil
            }
        }
        #expect(refusal(["count": "many"]) == "count: a number from 0 to 1000")
        #expect(refusal(["sort": "colour"]) == "sort: age, size, tries, next, state, from, to")
        #expect(refusal(["descending": "yes"]) == "descending: true or false")
        #expect(refusal(["filter": "colour:red"])?.hasPrefix("filter: ") == true)
        #expect(refusal(["row": "last"]) == nil)
    }
}
