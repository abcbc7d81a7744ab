import Mail
import SMTP
import Testing

@testable import Relay

@Suite("the agenda")
struct AgendaTests {
    @Test("deadlines of mail that is gone are forgotten, those of mail that is queued stay, each once")
    func deadlines() {
        var agenda = Agenda()
        func deadline(_ message: UInt64, at time: Int64) -> Agenda.Deadline {
            Agenda.Deadline(
                at: time, message: QueueID(rawValue: Int64(message)), allowed: 1, mode: .notify, why: "late")
        }
        agenda.add(deadline(1, at: 500))
        agenda.add(deadline(1, at: 500))
        for message in UInt64(2)...1002 { agenda.add(deadline(message, at: 10)) }
        agenda.forgetDeadlines(beyond: 1) { $0 == QueueID(rawValue: 1) }
        #expect(agenda.next == 500)
        #expect(agenda.takeDeadline(at: Timestamp(milliseconds: 500))?.message == QueueID(rawValue: 1))
        #expect(agenda.next == nil)
    }

    @Test("few are left alone")
    func few() {
        var agenda = Agenda()
        agenda.add(Agenda.Deadline(at: 10, message: QueueID(rawValue: 1), allowed: 1, mode: .notify, why: "late"))
        agenda.forgetDeadlines(beyond: 0) { _ in false }
        #expect(agenda.next == 10)
    }
}
