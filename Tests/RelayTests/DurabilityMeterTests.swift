import NIOCore
import Spool
import Testing

@testable import Relay

@Suite("how often the spool syncs")
struct DurabilityMeterTests {
    private func writing(_ transactions: Int, _ changes: Int) -> SpoolWriting {
        SpoolWriting(transactions: transactions, changes: changes, pendingOctets: 0)
    }

    @Test("the first look tells nothing; later ones what came since, over some seconds at most")
    func rates() {
        let meter = DurabilityMeter()
        let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)
        #expect(meter.rates(self.writing(1000, 9000), at: start) == (0, 0))
        #expect(meter.rates(self.writing(1010, 9040), at: start + .seconds(2)) == (5, 20))
        // What was before the last seconds counts no more.
        for second in 3...20 {
            _ = meter.rates(self.writing(1010, 9040), at: start + .seconds(Int64(second)))
        }
        #expect(meter.rates(self.writing(1010, 9040), at: start + .seconds(21)) == (0, 0))
        let rates = meter.rates(self.writing(1016, 9058), at: start + .seconds(22))
        #expect(rates == (1.2, 3.6))
    }

    @Test("many looks in a moment do not crowd out the one that is counted from")
    func manyLooks() {
        let meter = DurabilityMeter()
        let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)
        for step in 0..<50 { _ = meter.rates(self.writing(step, step), at: start + .milliseconds(Int64(step) * 10)) }
        #expect(meter.rates(self.writing(100, 200), at: start + .seconds(1)) == (100, 200))
    }
}
