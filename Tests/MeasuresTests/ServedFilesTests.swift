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
}
