import CoreMetrics
import Foundation
import Measures
import Testing

/// What stands in `Service/metrics` for those who scrape: it is held to the table.
@Suite("files for Prometheus")
struct ServedFilesTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../Service/metrics").standardizedFileURL

    private func text(_ file: String) throws -> String {
        try String(contentsOf: Self.folder.appendingPathComponent(file), encoding: .utf8)
    }

    @Test("promtool has nothing to say against the page", .enabled(if: Promtool.isThere))
    func lint() throws {
        let board = MetricsBoard()
        Metric.deliveryDelay.timer(on: board).recordSeconds(3)
        let page = board.page(ProcessMeasures.now() + [Sample(.build, "0.1.0", value: 1)])
        let (status, words) = try Promtool.run(["check", "metrics"], input: page)
        #expect(status == 0 && words.isEmpty, "\(words)")
    }

    @Test("the documentation has each metric; HOPTOP_RECORD=1 writes it")
    func documentation() throws {
        let parts = try self.text("README.md").components(separatedBy: "<!-- made from the table of metrics -->\n")
        #expect(parts.count == 3)
        guard parts.count == 3, parts[1] != Metric.document else { return }
        if ProcessInfo.processInfo.environment["HOPTOP_RECORD"] == "1" {
            let text = [parts[0], Metric.document, parts[2]].joined(
                separator: "<!-- made from the table of metrics -->\n")
            try Data(text.utf8).write(to: Self.folder.appendingPathComponent("README.md"))
        } else {
            #expect(parts[1] == Metric.document, "HOPTOP_RECORD=1 swift test --filter ServedFilesTests writes it anew")
        }
    }

    @Test(
        "each metric that the dashboard and the alerts name is there",
        arguments: ["grafana-dashboard.json", "alerts.yml"])
    func names(_ file: String) throws {
        let known = Set(
            Metric.all.flatMap { metric in
                metric.kind == .histogram
                    ? ["_bucket", "_sum", "_count"].map { metric.name + $0 } + [metric.name] : [metric.name]
            })
        let named = try self.text(file).matches(of: /\b(?:hoptop|process)_[a-z_]+\b/).map { String($0.output) }
        #expect(named.count > 10)
        #expect(Set(named).subtracting(known).isEmpty)
    }

    @Test("each metric is on the dashboard")
    func dashboard() throws {
        let text = try self.text("grafana-dashboard.json")
        #expect(try JSONSerialization.jsonObject(with: Data(text.utf8)) is [String: Any])
        #expect(Metric.all.map(\.name).filter { !text.contains($0) }.isEmpty)
    }

    @Test("each expression of the dashboard is one, by promtool", .enabled(if: Promtool.isThere))
    func expressions() throws {
        let text = try self.text("grafana-dashboard.json")
        let expressions = Self.expressions(in: try JSONSerialization.jsonObject(with: Data(text.utf8)))
        #expect(expressions.count > 20)
        // As rules, which promtool reads; what Grafana puts in place of its variables is put there.
        let rules = expressions.enumerated().map { number, expression in
            let plain = expression.replacing("$__rate_interval", with: "5m").replacing(/\$\w+/, with: ".*")
            return ["record": "dashboard:\(number)", "expr": plain]
        }
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("dashboard-\(UUID()).json")
        defer { try? FileManager.default.removeItem(at: file) }
        // JSON is YAML.
        try JSONSerialization.data(withJSONObject: ["groups": [["name": "dashboard", "rules": rules]]]).write(to: file)
        let (status, words) = try Promtool.run(["check", "rules", file.path])
        #expect(status == 0, "\(words)")
        #expect(words.contains("\(expressions.count) rules found"), "\(words)")
    }

    /// All that stands behind `expr`, however deep.
    private static func expressions(in value: Any) -> [String] {
        if let list = value as? [Any] { return list.flatMap(Self.expressions) }
        guard let object = value as? [String: Any] else { return [] }
        return object.flatMap { key, value in
            if key == "expr", let text = value as? String { return [text] }
            return Self.expressions(in: value)
        }
    }

    @Test("the alerts are ones, and fire when they should", .enabled(if: Promtool.isThere))
    func alerts() throws {
        for (command, file) in [("check", "alerts.yml"), ("test", "alerts.test.yml")] {
            let path = Self.folder.appendingPathComponent(file).path
            let (status, words) = try Promtool.run([command, "rules", path])
            #expect(status == 0, "\(words)")
        }
    }
}
