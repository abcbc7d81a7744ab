/// What a node says of itself to programs that look after it: scrapers, load balancers, supervisors.
public protocol NodeVitals: Sendable {
    /// The text form that Prometheus scrapes.
    func metrics() async -> String
    /// Why the node does not live; empty: it does.
    func failures() async -> [String]
    /// Why it takes no new mail now; empty: it does.
    func obstacles() async -> [String]
}

/// Where each of them is served. These paths are those that such programs expect, and so have no version.
public enum VitalPage: String, Sendable, Hashable, CaseIterable {
    case metrics, health, ready

    public var route: ControlRoute { ControlRoute(.get, "/\(self.rawValue)") }
}

/// Whether all is well: `{"status":"ok"}`, or `{"reasons":["…"],"status":"failing"}` with 503.
struct VitalStatus: Codable, Hashable {
    enum Word: String, Codable { case ok, failing }
    var status: Word
    var reasons: [String]?

    init(_ reasons: [String]) {
        self.status = reasons.isEmpty ? .ok : .failing
        self.reasons = reasons.isEmpty ? nil : reasons
    }
}
