import DKIM
import Mail
import NIOCore
import NIOPosix
import Spool

/// What is to be done to content for a hop that takes lines of seven bits.
enum ContentVerdict: Sendable {
    /// The hop takes it as it is.
    case unasked
    /// It is that already.
    case unneeded
    case possible(SevenBitPlan)
    case impossible(String)
}

/// The passes over content before it leaves. They read it in pieces, so that memory does not grow with the message.
struct ContentPreparation: Sendable {
    /// What a pass over content found, as it came.
    struct Findings: Sendable {
        var verdict = ContentVerdict.unasked
        /// No header field, nor one of a part, needs SMTPUTF8; `false` where nobody looked.
        var isHeaderASCII = false
    }

    /// What a pass over content found, as it will leave.
    struct Signed: Sendable {
        var outcome = MessageSigning.Outcome.notOurs
        /// `nil` where not all of it was read.
        var octets: Int?
    }

    private let source: any ContentSource
    private let share: ContentMemory.Share
    private let threads: NIOThreadPool
    private let loop: any EventLoop

    /// - Parameters:
    ///   - threads: for hashing and signing, which would keep a loop from its sessions.
    ///   - loop: where all of it is called.
    init(_ source: any ContentSource, share: ContentMemory.Share, threads: NIOThreadPool, loop: any EventLoop) {
        self.source = source
        self.share = share
        self.threads = threads
        self.loop = loop
    }

    /// Reads all of the content once where it may have to be converted, or its header matters.
    func findings(converting: Bool, asksAboutHeader: Bool) -> EventLoopFuture<Findings> {
        guard converting || asksAboutHeader else { return self.loop.makeSucceededFuture(Findings()) }
        let inspection = NIOLoopBoundBox(SevenBitInspection(), eventLoop: self.loop)
        return self.all(of: ContentReader(self.source, share: self.share)) { chunk in
            inspection.value.receive(chunk)
            return self.loop.makeSucceededFuture(true)
        }.map {
            let verdict: ContentVerdict =
                switch inspection.value.finish() {
                case .unneeded: .unneeded
                case .impossible(let obstacle): .impossible(obstacle.rawValue)
                case .possible(let plan): .possible(plan)
                }
            return Findings(
                verdict: converting ? verdict : .unasked, isHeaderASCII: !inspection.value.isHeaderEightBit)
        }
    }

    /// Reads the content as it will leave: for its length where it is converted, and for a signature where there may be one.
    func signing(
        _ table: SigningTable?, _ verdict: ContentVerdict, at seconds: Int64
    ) -> EventLoopFuture<Signed> {
        var converter: SevenBitConverter?
        switch verdict {
        case .impossible: return self.loop.makeSucceededFuture(Signed())
        case .unasked, .unneeded: break
        case .possible(let plan): converter = SevenBitConverter(plan)
        }
        let isConverted = converter != nil
        guard isConverted || table != nil else { return self.loop.makeSucceededFuture(Signed()) }
        let octets = NIOLoopBoundBox(0, eventLoop: self.loop)
        let signing = NIOLoopBoundBox(
            MessageSigning(at: seconds) { table?.signers(for: $0) ?? [] }, eventLoop: self.loop)
        let reader = ContentReader(self.source, converter: converter, share: self.share)
        return self.all(of: reader) { chunk in
            octets.value += chunk.readableBytes
            guard table != nil, !signing.value.isDecided else { return self.loop.makeSucceededFuture(isConverted) }
            return self.elsewhere(signing) { $0.receive(chunk) }.map { isConverted || !signing.value.isDecided }
        }.flatMap {
            let count = isConverted ? octets.value : nil
            guard table != nil else { return self.loop.makeSucceededFuture(Signed(octets: count)) }
            return self.elsewhere(signing) { try $0.finish() }.map { Signed(outcome: $0, octets: count) }
        }
    }

    /// Changes a value on another thread.
    private func elsewhere<Value: Sendable, Result: Sendable>(
        _ box: NIOLoopBoundBox<Value>, _ change: @escaping @Sendable (inout Value) throws -> Result
    ) -> EventLoopFuture<Result> {
        let before = box.value
        return self.threads.runIfActive(eventLoop: self.loop) {
            var value = before
            let result = try change(&value)
            return (value, result)
        }.map { value, result in
            box.value = value
            return result
        }
    }

    /// - Parameter body: whether to go on.
    private func all(
        of reader: ContentReader, _ body: @escaping @Sendable (ByteBuffer) -> EventLoopFuture<Bool>
    ) -> EventLoopFuture<Void> {
        let next = self.loop.makePromise(of: ByteBuffer?.self)
        reader.next(on: self.loop, next.completeWith)
        return next.futureResult.flatMap { chunk in
            guard let chunk else { return self.loop.makeSucceededVoidFuture() }
            return body(chunk).flatMap { goesOn in
                goesOn ? self.all(of: reader, body) : self.loop.makeSucceededVoidFuture()
            }
        }
    }
}
