public import CoreMetrics
import Foundation
import NIOConcurrencyHelpers
public import NIOCore

/// Asks name servers, validates what they say (RFC 4033 §2: a validating stub resolver), and remembers it within bounds.
///
/// It has a thread of its own from the first question on, which sleeps while nothing is asked.
public final class StubResolver: Sendable {
    private struct Request: Sendable {
        var question: Question
        var recipient: Inquiries.Recipient
    }
    private struct State {
        var configuration: ResolverConfiguration
        var requests: [Request] = []
        var isReloaded = false
        /// Tells the thread to look here; `nil`: there is none.
        var waker: Waker?
        var isStopped = false
        /// Whoever waits for the thread's end.
        var stopping: CheckedContinuation<Void, Never>?
    }
    private let state: NIOLockedValueBox<State>
    private let counts: LookupCounts
    private let note: @Sendable (String) -> Void

    /// - Parameters:
    ///   - metrics: where questions are counted.
    ///   - note: is told, in a line, what an operator should know of the servers; from any thread.
    public init(
        _ configuration: ResolverConfiguration = ResolverConfiguration(),
        metrics: any MetricsFactory = NOOPMetricsHandler.instance, note: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.state = NIOLockedValueBox(State(configuration: configuration))
        self.counts = LookupCounts(on: metrics)
        self.note = note
    }

    /// What DNS has of a type at a name.
    ///
    /// - Parameter name: beyond ASCII it has to be in A-labels. What no name can be does not exist.
    /// - Returns: completes on `eventLoop`, and never fails.
    public func lookUp<Record: ResourceRecord>(
        _ type: Record.Type, of name: String, on eventLoop: any EventLoop
    ) -> EventLoopFuture<Answer<Record>> {
        guard let name = HostName(name) else { return eventLoop.makeSucceededFuture(Answer(.noSuchName)) }
        return self.lookUp(type, of: name, on: eventLoop)
    }

    public func lookUp<Record: ResourceRecord>(
        _ type: Record.Type, of name: HostName, on eventLoop: any EventLoop
    ) -> EventLoopFuture<Answer<Record>> {
        let promise = eventLoop.makePromise(of: Answer<Record>.self)
        let counts = self.counts
        self.ask(Question(name: name.description, type: Record.type)) { answer in
            counts.count(answer)
            promise.succeed(Answer(answer))
        }
        return promise.futureResult
    }

    private func ask(_ question: Question, for recipient: @escaping Inquiries.Recipient) {
        let failure = self.state.withLockedValue { state -> LookupFailure? in
            guard !state.isStopped else { return .unavailable("the resolver has stopped") }
            if state.waker == nil {
                guard let waker = Waker() else { return .unavailable("no descriptors are left") }
                state.waker = waker
                let thread = Thread { self.run(waker) }
                thread.name = "hoptop-dns"
                thread.stackSize = 1 << 20
                thread.start()
            }
            state.requests.append(Request(question: question, recipient: recipient))
            if state.requests.count == 1 { state.waker?.wake() }
            return nil
        }
        if let failure { recipient(RawAnswer(failure: failure)) }
    }

    /// Asks others from now on, and forgets what is known; questions under way are answered by those before.
    public func reload(_ configuration: ResolverConfiguration) {
        self.state.withLockedValue { state in
            state.configuration = configuration
            state.isReloaded = true
            state.waker?.wake()
        }
    }

    /// What is asked from now on fails, and so does what is under way; nothing is told afterwards. Call it once.
    public func stop() async {
        await withCheckedContinuation { continuation in
            let isRunning = self.state.withLockedValue { state in
                state.isStopped = true
                guard let waker = state.waker else { return false }
                state.stopping = continuation
                waker.wake()
                return true
            }
            if !isRunning { continuation.resume() }
        }
    }

    // MARK: on the thread

    private func run(_ waker: Waker) {
        let client = UnboundClient(self.state.withLockedValue { $0.configuration }, note: self.note)
        while true {
            let (requests, reloaded, isStopped) = self.state.withLockedValue { state in
                defer {
                    state.requests = []
                    state.isReloaded = false
                }
                return (state.requests, state.isReloaded ? state.configuration : nil, state.isStopped)
            }
            let now = NIODeadline.now()
            if let reloaded { client.reload(reloaded) }
            for request in requests { client.inquiries.add(request.question, for: request.recipient, at: now) }
            if isStopped { break }
            client.work(at: now)
            waker.wait(or: client.descriptor, until: client.deadline)
        }
        client.close()
        self.state.withLockedValue { $0.stopping }?.resume()
    }
}
