import Foundation
import Monitor

/// All calls there are. A call that is not here is not served, and not in the document that describes the API.
public enum ControlAPI {
    public static let calls: [any ControlCall.Type] = [
        CapabilitiesCall.self, OverviewCall.self, QueueCall.self, QueueSearchCall.self, QueueGroupsCall.self,
        ConnectionsCall.self, ConnectionSearchCall.self, DestinationsCall.self, DestinationSearchCall.self,
        RouteCall.self, FleetCall.self, DrainCall.self, ForgetNodeCall.self, ShutdownCall.self, MessageCall.self,
        ContentCall.self, TranscriptCall.self, FactsCall.self, JournalCall.self, JournalStatusCall.self,
        FreezeCall.self,
        QueueActionCall.self, UndoCall.self, UndoableCall.self, PurgeCall.self, RerouteCall.self, EditCall.self,
        CloseCall.self, RulesCall.self, RulePreviewCall.self, StandingActionCall.self,
    ]
    public static let streams: [any ControlStream.Type] = [EventsStream.self, TraceStream.self]
    public static let pages = VitalPage.allCases
    /// Where ``documentText`` is served.
    public static let document = ControlRoute(.get, "/v1/openapi.json")
    /// What describes the API to programs and people: OpenAPI 3.1, JSON.
    public static var documentText: [UInt8] { PackageResources.openapi_json }
}
