import GRDB
import Mail
import Monitor

/// The runs of the program that filled a journal. Sessions are numbered anew with each, so one of an earlier run is named with
/// the run's number behind: `out#9121@7`.
struct JournalRuns: Sendable {
    /// By number, in order.
    private var runs: [(number: Int64, since: Timestamp)]
    private let node: String

    init(node: String, _ db: Database) throws {
        self.node = node
        self.runs = try Row.fetchAll(db, sql: "SELECT number, since FROM runs ORDER BY number").map {
            ($0["number"], Timestamp(milliseconds: $0["since"]))
        }
    }

    static func begin(at time: Timestamp, _ db: Database) throws {
        try db.execute(sql: "INSERT INTO runs (since) VALUES (?)", arguments: [time.milliseconds])
    }

    /// The run under way.
    var current: Int64? { self.runs.last?.number }

    /// - Parameter time: when it happened.
    func ref(_ session: String?, at time: Timestamp) -> SessionRef? {
        guard let session, let run = self.runs.last(where: { $0.since <= time }) else { return nil }
        return SessionRef(node: self.node, id: run.number == self.current ? session : "\(session)@\(run.number)")
    }

    /// The run and the name in it of a session.
    func parts(of session: SessionRef) -> (run: Int64, session: String)? {
        guard let mark = session.id.lastIndex(of: "@") else { return self.current.map { ($0, session.id) } }
        return Int64(session.id[session.id.index(after: mark)...]).map { ($0, String(session.id[..<mark])) }
    }
}
