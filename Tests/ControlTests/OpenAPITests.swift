import Foundation
import Mail
import Monitor
import Testing

@testable import Control

/// The document says what the code does.
@Suite("the document of the API")
struct OpenAPITests {
    private let schema: JSONSchema
    private let paths: [String: [String: [String: Any]]]

    init() throws {
        let document = try JSONSerialization.jsonObject(with: Data(ControlAPI.documentText))
        self.schema = JSONSchema(document: try #require(document as? [String: Any]))
        self.paths = try #require(self.schema.document["paths"] as? [String: [String: [String: Any]]])
    }

    private func operation(_ route: ControlRoute) throws -> [String: Any] {
        try #require(self.paths[route.path]?[route.method.rawValue.lowercased()], "\(route.path) is not in it")
    }
    private func schema(in part: Any?, _ type: String = "application/json") throws -> [String: Any] {
        let content = try #require((part as? [String: Any])?["content"] as? [String: [String: [String: Any]]])
        return try #require(content[type]?["schema"])
    }
    private func answer(_ route: ControlRoute) throws -> [String: Any] {
        let responses = try #require(try self.operation(route)["responses"] as? [String: [String: Any]])
        return try self.schema(in: responses["200"])
    }

    @Test("every path, method, parameter and role is in it, and no others are")
    func routes() throws {
        let routes =
            ControlAPI.calls.map { $0.route } + ControlAPI.streams.map { $0.route } + ControlAPI.pages.map(\.route)
            + [ControlAPI.document]
        for route in routes {
            let operation = try self.operation(route)
            let parameters = operation["parameters"] as? [[String: Any]] ?? []
            func names(_ place: String) -> Set<String> {
                Set(parameters.filter { $0["in"] as? String == place }.compactMap { $0["name"] as? String })
            }
            #expect(names("query") == route.query, "\(route.path)")
            let words = route.segments.compactMap { segment -> String? in
                if case .argument(let name) = segment { name } else { nil }
            }
            #expect(names("path") == Set(words), "\(route.path)")
            #expect(operation["x-role"] as? String == route.role.rawValue, "\(route.path)")
        }
        #expect(self.paths.values.reduce(0) { $0 + $1.count } == routes.count)
    }

    @Test("every reference leads somewhere")
    func references() {
        func walk(_ value: Any) {
            if let object = value as? [String: Any] {
                if let reference = object["$ref"] as? String {
                    #expect(!self.schema.resolve(reference).isEmpty, "\(reference)")
                }
                object.values.forEach(walk)
            }
            (value as? [Any])?.forEach(walk)
        }
        walk(self.schema.document)
    }

    private func check<Call: ControlCall>(_ call: Call) async throws {
        let value = try SafeJSON.encode(try await call.answer(from: SampleFeed()))
        let mistakes = self.schema.mistakes(
            in: try JSONSerialization.jsonObject(with: value), try self.answer(Call.route), at: Call.route.path)
        #expect(mistakes.isEmpty)
        let body = try call.arguments.body
        guard !body.isEmpty else { return }
        let asked = self.schema.mistakes(
            in: try JSONSerialization.jsonObject(with: body),
            try self.schema(in: try self.operation(Call.route)["requestBody"]), at: "\(Call.route.path) asked")
        #expect(asked.isEmpty)
    }

    @Test("one of everything that is asked and answered is as it says")
    func samples() async throws {
        let (message, session, filter) = (SampleFeed.message, SampleFeed.session, SampleFeed.filter)
        try await self.check(CapabilitiesCall())
        try await self.check(OverviewCall())
        try await self.check(QueueCall(QueueQuery(), window: WindowRequest(.last, count: 5)))
        try await self.check(QueueSearchCall(SearchRequest(filter, from: 0), in: QueueQuery()))
        for grouping in QueueGrouping.allCases {
            try await self.check(QueueGroupsCall(QueueQuery(filter: filter), by: grouping))
        }
        try await self.check(ConnectionsCall(ConnectionQuery(), window: WindowRequest(.last, count: 5)))
        try await self.check(ConnectionSearchCall(SearchRequest(.all, from: 0), in: ConnectionQuery()))
        for key in DestinationQuery.SortKey.allCases {
            try await self.check(DestinationsCall(DestinationQuery(sort: key), window: WindowRequest(.last, count: 5)))
        }
        try await self.check(DestinationSearchCall(SearchRequest(.all, from: 0), in: DestinationQuery()))
        try await self.check(MessageCall(message.id))
        try await self.check(RouteCall("bob@example.org"))
        try await self.check(FleetCall())
        try await self.check(DrainCall(2, true))
        try await self.check(ForgetNodeCall(2))
        try await self.check(ContentCall(message.id, from: 0, count: 5))
        try await self.check(TranscriptCall(session, from: 0, count: 5))
        try await self.check(FactsCall(after: nil, count: 5))
        try await self.check(JournalCall(JournalQuery(filter: filter), window: JournalRequest(count: 5)))
        try await self.check(JournalStatusCall())
        for key in QueueQuery.SortKey.allCases {
            try await self.check(FreezeCall(QueueQuery(filter: filter, sort: key)))
        }
        let recipient = RecipientRef(node: "mx1", message: message.id, index: 0, generation: 1)
        let targets: [Targets] = [
            .messages(references: [message], matching: filter), .recipients(references: [recipient]),
            .frozen(set: FrozenSetID(node: "mx1", id: 4)),
        ]
        for action in QueueAction.allCases {
            for target in targets { try await self.check(QueueActionCall(action, on: target)) }
        }
        try await self.check(QueueActionCall(.bounce, on: targets[0], because: "moved"))
        for edit in [RecipientEdit.due(at: SampleFeed.now), .address(to: "bob@example.org")] {
            try await self.check(EditCall(targets[0], edit))
        }
        for via in ["mx", nil] { try await self.check(RerouteCall(targets[0], via: via)) }
        try await self.check(UndoCall(UndoToken(node: "mx1", id: 7)))
        try await self.check(UndoableCall())
        for end in [SampleFeed.now, nil] { try await self.check(PurgeCall(until: end, of: end.map { _ in 2 })) }
        try await self.check(ShutdownCall("mx1"))
        try await self.check(CloseCall(session))
        try await self.check(RulesCall())
        for rule in SampleFeed.rules {
            try await self.check(RulePreviewCall(rule.rule.terms))
            try await self.check(StandingActionCall(.set(terms: rule.rule.terms)))
            try await self.check(StandingActionCall(.end(rule: rule.ref)))
        }
        for limit in [5, nil] {
            try await self.check(StandingActionCall(.limit(destination: "mx:25", connections: limit)))
        }
    }

    @Test("events and errors are as it says")
    func events() async throws {
        let facts = try await SampleFeed().facts(after: nil, count: 5)
        let events: [EventsStream.Event] = [
            .change(.changed(areas: Set(FeedChange.Area.allCases))), .change(.missed(events: 3)), .facts(facts),
        ]
        for event in events {
            let value = try JSONSerialization.jsonObject(with: try SafeJSON.encode(event))
            #expect(
                self.schema.mistakes(in: value, self.schema.resolve("#/components/schemas/Event"), at: "event").isEmpty)
        }
        let session = SampleFeed.session
        let line = TranscriptLine(number: 0, at: SampleFeed.now, speaker: .client, text: "QUIT")
        let traced: [TraceEvent] =
            SampleFeed.connections.flatMap { [.began(session: $0), .ended(session: $0)] } + [
                .lines(session: session, lines: [line]), .missed(session: session, lines: 3),
                .missed(session: nil, lines: 3),
            ]
        let value = try JSONSerialization.jsonObject(with: try SafeJSON.encode(traced))
        let schema = self.schema.resolve("#/components/schemas/TraceEvents")
        #expect(self.schema.mistakes(in: value, schema, at: "trace").isEmpty)
        for code in [FeedError.Code.unsupported, .gone, .unavailable, .invalid, .denied] {
            let value = try JSONSerialization.jsonObject(with: try SafeJSON.encode(FeedError(code, "words")))
            #expect(
                self.schema.mistakes(in: value, self.schema.resolve("#/components/schemas/Error"), at: "error").isEmpty)
        }
    }
}
