import Foundation
import Mail
import Monitor
import SMTP
import Testing

@Suite("how long phases took")
struct PhaseTimesTests {
    private func at(_ milliseconds: Int64) -> Timestamp { Timestamp(milliseconds: milliseconds) }

    @Test("each phase has its time, the one that lasts until now; another MAIL begins another transaction")
    func times() {
        var phases = PhaseTimes(.connect, since: self.at(0))
        phases.enter(.greeting, at: self.at(20))
        phases.enter(.mail, at: self.at(50))
        phases.enter(.rcpt, at: self.at(60))
        #expect(phases.time(in: .connect, self.at(100)) == 20)
        #expect(phases.time(in: .mail, self.at(100)) == 10)
        #expect(phases.time(in: .rcpt, self.at(100)) == 40)
        #expect(phases.time(in: .tls, self.at(100)) == nil)
        phases.enter(.idle, at: self.at(100))
        phases.enter(.mail, at: self.at(200))
        #expect(phases.time(in: .connect, self.at(205)) == 20)
        #expect(phases.time(in: .mail, self.at(205)) == 5)
        #expect(phases.time(in: .rcpt, self.at(205)) == nil)
    }

    @Test("the rate is that of the content, told when there is something to tell")
    func rate() {
        var phases = PhaseTimes(.data, since: self.at(0))
        phases.enter(.content, at: self.at(1000))
        #expect(phases.rate(of: 5000, self.at(1050)) == nil)
        #expect(phases.rate(of: 0, self.at(2000)) == nil)
        #expect(phases.rate(of: 5000, self.at(3000)) == 2500)
        phases.enter(.idle, at: self.at(3000))
        #expect(phases.rate(of: 5000, self.at(4000)) == nil)
    }

    @Test("its JSON form comes back as it was")
    func coded() throws {
        var phases = PhaseTimes(.connect, since: self.at(0))
        phases.enter(.content, at: self.at(7))
        let octets = try JSONEncoder().encode(phases)
        #expect(try JSONDecoder().decode(PhaseTimes.self, from: octets) == phases)
    }
}
