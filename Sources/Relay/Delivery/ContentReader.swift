import Mail
import NIOCore
import Spool

/// The content of one transaction on its way out: read from the spool in pieces, so that memory does not grow with the
/// message, and converted where the next hop needs that.
///
/// `@unchecked Sendable`: used on its connection's event loop alone.
final class ContentReader: @unchecked Sendable {
    private let source: any ContentSource
    private let share: ContentMemory.Share
    private var converter: SevenBitConverter?
    /// Octets of the spool's content so far.
    private(set) var octetsRead = 0

    init(_ source: any ContentSource, converter: SevenBitConverter? = nil, share: ContentMemory.Share) {
        self.source = source
        self.share = share
        self.converter = converter
    }

    /// - Returns: the next piece, never empty; `nil` at the end.
    func next(on loop: any EventLoop) -> EventLoopFuture<ByteBuffer?> {
        self.source.read(from: self.octetsRead, count: self.share.pieceOctets, on: loop).flatMap { chunk in
            self.octetsRead += chunk.readableBytes
            let isEnd = chunk.readableBytes == 0
            guard var converter = self.converter else { return loop.makeSucceededFuture(isEnd ? nil : chunk) }
            let converted = isEnd ? converter.finish() : converter.convert(chunk)
            self.converter = isEnd ? nil : converter
            if converted.readableBytes > 0 { return loop.makeSucceededFuture(converted) }
            return isEnd ? loop.makeSucceededFuture(nil) : self.next(on: loop)
        }
    }
}

/// What is to be done to content for a hop that takes lines of seven bits.
enum ContentVerdict: Sendable {
    /// It is that already.
    case unneeded
    /// The conversion gives so many octets.
    case possible(SevenBitPlan, octets: Int)
    case impossible(String)

    /// Reads all of the content once, and where it has to be converted once more for its length. Called on `loop`.
    static func on(
        _ source: any ContentSource, share: ContentMemory.Share, on loop: any EventLoop
    ) -> EventLoopFuture<ContentVerdict> {
        let inspection = NIOLoopBoundBox(SevenBitInspection(), eventLoop: loop)
        return ContentReader(source, share: share).all(on: loop) { inspection.value.receive($0) }.flatMap {
            switch inspection.value.finish() {
            case .unneeded: return loop.makeSucceededFuture(.unneeded)
            case .impossible(let obstacle): return loop.makeSucceededFuture(.impossible(obstacle.rawValue))
            case .possible(let plan):
                let octets = NIOLoopBoundBox(0, eventLoop: loop)
                return ContentReader(source, converter: SevenBitConverter(plan), share: share)
                    .all(on: loop) { octets.value += $0.readableBytes }
                    .map { .possible(plan, octets: octets.value) }
            }
        }
    }
}

extension ContentReader {
    fileprivate func all(on loop: any EventLoop, _ body: @escaping @Sendable (ByteBuffer) -> Void) -> EventLoopFuture<
        Void
    > {
        self.next(on: loop).flatMap { chunk in
            guard let chunk else { return loop.makeSucceededVoidFuture() }
            body(chunk)
            return self.all(on: loop, body)
        }
    }
}
