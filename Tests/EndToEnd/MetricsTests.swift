import Foundation
import Glibc
import Testing

@testable import Measures
@testable import hoptop

extension EndToEnd {
    /// `hoptop serve` as Prometheus and load balancers see it.
    @Suite("metrics and health", .timeLimit(.minutes(5)))
    struct MetricsTests {
        private let folder: TemporaryFolder
        init() throws { self.folder = try TemporaryFolder() }
        private var spool: String { "\(self.folder.path)/spool" }

        /// A relay that serves metrics, and where.
        private func start(_ configuration: String = "", _ arguments: String...) throws -> (Server, String) {
            let file = "\(self.folder.path)/hoptop.toml"
            try "\(configuration)\n[metrics]\nlisten = \"127.0.0.1:0\"\n"
                .write(toFile: file, atomically: true, encoding: .utf8)
            let server = try Server(spool: self.spool, configuration: file, environment: [:], until: .ready, arguments)
            let url = try #require(server.log.firstMatch(of: /serving metrics at=(http:\S+)\/metrics/)?.1)
            return (server, String(url))
        }

        private struct Answer: Equatable {
            var status: String
            var body: String
        }
        private static let ok = Answer(status: "200", body: "{\"status\":\"ok\"}\n")

        private func get(_ url: String, _ arguments: String...) throws -> Answer {
            let said = try Program.run(["curl", "-sS", "-w", "%{http_code}", url] + arguments, as: "/usr/bin/env")
                .output
            return Answer(status: String(said.suffix(3)), body: String(said.dropLast(3)))
        }

        /// Values by name and labels.
        private func values(_ page: String) -> [String: Double] {
            let lines = page.split(separator: "\n").filter { !$0.hasPrefix("#") }
            return Dictionary(
                uniqueKeysWithValues: lines.compactMap { line in
                    guard let space = line.lastIndex(of: " ") else { return nil }
                    return Double(line[line.index(after: space)...]).map { (String(line[..<space]), $0) }
                })
        }

        @Test("what happened to mail is counted, each metric has a value, and what the spool counts survives a restart")
        func counts() async throws {
            let farEnd = try await FarEnd.start(ledger: Ledger())
            let refusing = "[relay]\ndomains = [\"there.example\", \"grey.example\"]\nnetworks = []\n"
            let (server, url) = try self.start(refusing, "--route", "*=\(farEnd.endpoint)")
            for mailbox in ["bob@there.example", "nobody@there.example", "bob@grey.example"] {
                try await server.send("<\(mailbox)>", to: mailbox)
            }
            await #expect(throws: (any Error).self) { try await server.send("<no@test>", to: "bob@elsewhere.example") }
            var page = ""
            let isThere = try await eventually {
                page = try self.get("\(url)/metrics").body
                let values = self.values(page)
                // The report on the bounce goes to the far end too.
                return values["hoptop_recipients_settled_total{outcome=\"relayed\"}"] == 2
                    && values["hoptop_recipients_deferrals_total"] == 1
            }
            #expect(isThere, "\(page)")
            let values = self.values(page)
            // The recipient who may not be relayed to, and the DATA behind it.
            for (name, value) in [
                ("hoptop_messages_received_total", 3), ("hoptop_messages_reports_total", 1),
                ("hoptop_recipients_settled_total{outcome=\"bounced\"}", 1),
                ("hoptop_recipients_failures_total{outcome=\"bounced\",subject=\"address\"}", 1),
                ("hoptop_acceptance_duration_seconds_count", 3), ("hoptop_delivery_delay_seconds_count", 2),
                ("hoptop_reception_refusals_total{code=\"554\"}", 2), ("hoptop_sessions_total{direction=\"in\"}", 4),
                ("hoptop_queue_messages", 1), ("hoptop_queue_recipients{state=\"deferred\"}", 1),
                ("hoptop_destinations{condition=\"deferring\"}", 1), ("hoptop_ready", 1),
                ("hoptop_spool_troubles{cause=\"write\"}", 0), ("hoptop_build_info{version=\"0.1.0\"}", 1),
            ] as [(String, Double)] { #expect(values[name] == value, "\(name): \(String(describing: values[name]))") }
            for name in ["hoptop_spool_free_bytes", "hoptop_smtp_bytes_total{direction=\"in\",flow=\"received\"}"] {
                #expect(values[name] ?? 0 > 0, "\(name)")
            }
            // Nobody reads the facts and acknowledges them, unless a journal does.
            for metric in Metric.all where metric != .factsBehind {
                #expect(values.keys.contains { $0.hasPrefix(metric.name) }, "\(metric.name)")
            }
            #expect(server.end(with: SIGTERM) == 0)
            let (again, place) = try self.start()
            let after = self.values(try self.get("\(place)/metrics").body)
            #expect(after["hoptop_messages_received_total"] == 3)
            #expect(after["hoptop_recipients_settled_total{outcome=\"bounced\"}"] == 1)
            #expect(after["hoptop_acceptance_duration_seconds_count"] == 0)
            #expect(again.end(with: SIGTERM) == 0)
            await farEnd.stop()
        }

        @Test("nothing but the three pages is served there, and to no page of a browser")
        func pages() throws {
            let (server, url) = try self.start()
            #expect(try self.get("\(url)/health") == Self.ok)
            #expect(try self.get("\(url)/ready") == Self.ok)
            let other = try self.get("\(url)/v1/overview")
            #expect(other.status == "404")
            #expect(other.body.contains("there is no such path: /metrics, /health, /ready are all there are"))
            #expect(try self.get("\(url)/v1/queue/undo", "-d", "{}").status == "404")
            #expect(try self.get("\(url)/metrics", "-H", "Origin: https://evil.example").status == "403")
            #expect(try self.get("\(url)/metrics?x=1").status == "400")
            let socket = "\(self.spool)-run/hoptop/control.sock"
            let page = try self.get("http://localhost/metrics", "--unix-socket", socket)
            #expect(page.status == "200" && page.body.contains("\nhoptop_ready 1\n"))
            #expect(server.end(with: SIGTERM) == 0)
        }

        @Test("a relay whose disk is too full lives, and is not ready: it says why")
        func full() throws {
            let (server, url) = try self.start("[spool]\nfree-space = \"900TB\"\n")
            #expect(try self.get("\(url)/health").status == "200")
            let ready = try self.get("\(url)/ready")
            #expect(ready.status == "503")
            #expect(ready.body.contains("\"status\":\"failing\"") && ready.body.contains("(spool.free-space)"))
            let values = self.values(try self.get("\(url)/metrics").body)
            #expect(values["hoptop_ready"] == 0)
            #expect(values["hoptop_spool_troubles{cause=\"space\"}"] == 1)
            #expect(server.end(with: SIGTERM) == 0)
        }
    }
}
