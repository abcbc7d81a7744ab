import Control
import Measures
import Relay

/// The engine of this process, for programs that look after it.
struct ServedVitals: NodeVitals {
    let engine: EngineVitals
    let board: MetricsBoard

    func metrics() async -> String { self.board.page(await self.engine.samples() + ProcessMeasures.now()) }
    func failures() async -> [String] { await self.engine.failures() }
    func obstacles() async -> [String] { self.engine.obstacles() }
}
