import ArgumentParser
import Glibc
import Mail
import Monitor
import SMTP
import UnixSignals

struct TraceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trace", abstract: "Show SMTP dialogues as they happen, from the greeting on.",
        discussion: """
            Each line of a session is a line: time, session, the other side, who said what (C: the client, S: the server, \
            *: a remark of the relay's). Sessions that are under way are shown from their first line. Passwords are masked, \
            and content is its size. A filter chooses sessions as it does on the screen. Ctrl-C ends it, with 0; the exit \
            status is 1 when the daemon cannot be reached or ends. A reader that is too slow loses lines, and is told so.

            EXAMPLES
              hoptop trace --out --failed               what next hops refuse or break off
              hoptop trace --in --peer 192.0.2.0/24
              hoptop trace --message 7F3A00001          the sessions of one message
              hoptop trace --json name:mx.example.org   an event of /v1/trace on each line
            """)

    @Flag(name: .customLong("in"), help: "Only sessions of clients with this relay.")
    var inbound = false
    @Flag(name: .customLong("out"), help: "Only sessions of this relay with next hops.")
    var outbound = false
    @Option(
        help: ArgumentHelp("Only with an address of this range.", valueName: "cidr"),
        transform: { text in
            guard let network = Network(text) else {
                throw ValidationError("\(text) is no address, and no range such as 192.0.2.0/24")
            }
            return network
        })
    var peer: Network?
    @Option(
        help: ArgumentHelp(
            "A queue ID: only what was said about that message; also in sessions that have ended.", valueName: "id"),
        completion: Completions.queueIDs)
    var message: String?
    @Flag(help: "Only sessions that break, or in which something is refused (4yz, 5yz), once they do.")
    var failed = false
    @Flag(help: "First those sessions that have ended and are still kept.")
    var ended = false
    @Flag(help: "Print JSON, an event on each line.")
    var json = false
    @Argument(help: ArgumentHelp("Which sessions, in the language of the screen's filter.", valueName: "filter"))
    var filter: [String] = []
    @OptionGroup var daemon: DaemonOptions

    func run() async throws {
        let query = try self.query()
        let feed = try await self.daemon.feed()
        let lines = TraceLines(hasColour: StandardOutput.hasColour && !self.json)
        let tracing = Task { try await Self.follow(feed.trace(query), self.json ? nil : lines) }
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
        Task {
            for await _ in signals {
                // What is written to may be stuck; who asks twice means it.
                if tracing.isCancelled { Hoptop.endNow() }
                tracing.cancel()
            }
        }
        do {
            let isRead = try await tracing.value
            if isRead, !tracing.isCancelled { throw Failure("the daemon has ended, and its sessions with it") }
        } catch {
            guard tracing.isCancelled else { throw Failure(error) }
        }
    }

    func query() throws -> TraceQuery {
        let filter: FilterExpression
        do throws(FilterSyntaxError) {
            filter = try FilterExpression(
                parsing: self.filter.joined(separator: " "), with: FilterField.ofConnections)
        } catch {
            throw ValidationError("the filter is not understood: \(error)")
        }
        let direction: ConnectionRow.Direction? =
            self.inbound == self.outbound ? nil : self.inbound ? .inbound : .outbound
        return TraceQuery(
            filter: filter, direction: direction, peer: self.peer, message: self.message, failedOnly: self.failed,
            includesEnded: self.ended || self.message != nil)
    }

    /// - Parameter lines: `nil`: JSON.
    /// - Returns: when the trace is at its end; false: nobody reads what it says.
    private static func follow(
        _ trace: AsyncThrowingStream<[TraceEvent], any Error>, _ lines: TraceLines?
    ) async throws -> Bool {
        var lines = lines
        for try await events in trace {
            let text = try lines?.text(of: events) ?? events.map(Self.json).joined()
            guard StandardOutput.write(text) else { return false }
        }
        return true
    }

    private static func json(_ event: TraceEvent) throws -> String {
        String(decoding: try SafeJSON.encode(event), as: UTF8.self) + "\n"
    }
}
