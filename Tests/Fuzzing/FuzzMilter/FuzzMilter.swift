import FuzzInput
import Milter
import NIOCore

/// A milter that says what the input says, to a session that tells it one message after another.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    var driver = Driver(input: Input(UnsafeBufferPointer(start: start, count: count)))
    // Where it breaks the protocol the session is over.
    try? driver.run()
    return 0
}

private struct Driver {
    private static let steps: [MilterStep] = [
        .connect(name: "client.example", address: "192.0.2.7", port: 40112), .hello("client.example"),
        .mail("<ann@example.net>", ["SIZE=100"]), .recipient("<bob@example.org>", []), .data,
        .header(name: "Subject", value: ByteBuffer(string: " hi")), .endOfHeader,
        .body(ByteBuffer(string: "hello\r\n")), .endOfMessage,
    ]

    var session = MilterSession()
    var input: Input

    init(input: Input) { self.input = input }

    mutating func run() throws(MilterError) {
        self.session.begin()
        guard try self.awaitAnswer() else { return }
        var step = 0
        // A milter may want to be told, and say nothing: then no input is taken.
        for _ in 0..<100 where !self.input.isAtEnd {
            self.session.tell(Self.steps[step])
            guard try self.awaitAnswer() else { return }
            // Messages follow one another in a session.
            step = step == Self.steps.count - 1 ? 2 : step + 1
        }
        self.session.abort()
        self.session.quit()
    }

    /// - Returns: `false` when the milter says nothing more.
    private mutating func awaitAnswer() throws(MilterError) -> Bool {
        while true {
            while let action = try self.session.next() {
                if case .answer = action { return true }
            }
            if self.input.isAtEnd { return false }
            self.session.receive(self.input.piece())
        }
    }
}
