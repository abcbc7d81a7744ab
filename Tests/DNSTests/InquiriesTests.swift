import NIOConcurrencyHelpers
import NIOCore
import Testing

@testable import DNS

@Suite("questions that wait and that are under way")
struct InquiriesTests {
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)
    private let heard = NIOLockedValueBox<[String]>([])

    private func question(_ name: String) -> Question { Question(name: name, type: A.type) }
    private func add(_ name: String, _ inquiries: inout Inquiries) {
        inquiries.add(
            self.question(name),
            for: { [heard] answer in
                let words = answer.failure.map(\.description) ?? "\(answer.records.count)"
                heard.withLockedValue { $0.append("\(name) \(words)") }
            }, at: self.start)
    }

    @Test("the same is asked once, and everybody hears the answer")
    func joined() {
        var inquiries = Inquiries()
        for _ in 0..<3 { self.add("a", &inquiries) }
        #expect(inquiries.next(at: self.start, patience: .seconds(1)) == self.question("a"))
        #expect(inquiries.next(at: self.start, patience: .seconds(1)) == nil)
        self.add("a", &inquiries)
        inquiries.answered(self.question("a"), RawAnswer(records: [[1]]))
        #expect(self.heard.withLockedValue { $0 } == ["a 1", "a 1", "a 1", "a 1"])
        #expect(inquiries.isEmpty)
    }

    @Test("beyond a number they wait in line")
    func line() {
        var inquiries = Inquiries()
        for number in 0...Inquiries.mostUnderWay { self.add("n\(number)", &inquiries) }
        var asked = 0
        while inquiries.next(at: self.start, patience: .seconds(1)) != nil { asked += 1 }
        #expect(asked == Inquiries.mostUnderWay)
        inquiries.answered(self.question("n5"), RawAnswer())
        #expect(inquiries.next(at: self.start, patience: .seconds(1)) == self.question("n\(Inquiries.mostUnderWay)"))
    }

    @Test("are given up in time, in line and under way; an answer that comes later is nobody's")
    func expiry() {
        var inquiries = Inquiries()
        self.add("a", &inquiries)
        self.add("b", &inquiries)
        #expect(inquiries.next(at: self.start, patience: .seconds(1)) == self.question("a"))
        #expect(inquiries.deadline == self.start + .seconds(1))
        #expect(inquiries.expire(at: self.start).isEmpty)
        #expect(inquiries.expire(at: self.start + .seconds(1)) == [self.question("a")])
        #expect(inquiries.expire(at: self.start + Inquiries.patienceInLine).isEmpty)
        inquiries.answered(self.question("a"), RawAnswer())
        #expect(self.heard.withLockedValue { $0 } == ["a no answer", "b no answer"])
        #expect(inquiries.isEmpty && inquiries.deadline == nil)
    }

    @Test("all hear of the end")
    func end() {
        var inquiries = Inquiries()
        for name in ["a", "b"] { self.add(name, &inquiries) }
        _ = inquiries.next(at: self.start, patience: .seconds(1))
        inquiries.failAll(.unavailable("over"))
        #expect(self.heard.withLockedValue { $0.sorted() } == ["a over", "b over"])
        #expect(inquiries.isIdle)
    }
}
