import Mail
import NIOCore
import Spool

/// The content of one transaction on its way out: read from the spool in pieces, so that memory does not grow with the
/// message, converted where the next hop needs that, and behind the fields that we add.
///
/// `@unchecked Sendable`: used on its connection's event loop alone.
final class ContentReader: @unchecked Sendable {
    private let source: any ContentSource
    private let share: ContentMemory.Share
    private var fields: ByteBuffer
    private var converter: SevenBitConverter?
    /// Octets of the spool's content so far.
    private(set) var octetsRead = 0
    /// Octets that came of it.
    private(set) var octetsGiven = 0

    /// - Parameter fields: what goes before the content.
    init(
        _ source: any ContentSource, behind fields: ByteBuffer = ByteBuffer(), converter: SevenBitConverter? = nil,
        share: ContentMemory.Share
    ) {
        self.source = source
        self.share = share
        self.fields = fields
        self.converter = converter
    }

    /// - Parameter body: is given the next piece, never empty; `nil` at the end. A future of it would cost more than what is
    ///   done with most pieces.
    func next(on loop: any EventLoop, _ body: @escaping (Result<ByteBuffer?, any Error>) -> Void) {
        if self.octetsRead == self.source.octets, self.converter == nil, self.fields.readableBytes == 0 {
            return body(.success(nil))
        }
        let read = self.source.read(from: self.octetsRead, count: self.share.pieceOctets, on: loop)
        read.assumeIsolated().whenComplete { result in
            switch result {
            case .success(let chunk):
                self.octetsRead += chunk.readableBytes
                let isEnd = chunk.readableBytes == 0
                let piece = self.behindFields(self.converted(chunk, isEnd: isEnd))
                self.octetsGiven += piece.readableBytes
                if piece.readableBytes > 0 { return body(.success(piece)) }
                isEnd ? body(.success(nil)) : self.next(on: loop, body)
            case .failure(let error): body(.failure(error))
            }
        }
    }

    private func converted(_ chunk: ByteBuffer, isEnd: Bool) -> ByteBuffer {
        guard var converter = self.converter else { return chunk }
        let converted = isEnd ? converter.finish() : converter.convert(chunk)
        self.converter = isEnd ? nil : converter
        return converted
    }

    private func behindFields(_ piece: ByteBuffer) -> ByteBuffer {
        guard self.fields.readableBytes > 0 else { return piece }
        var joined = self.fields
        self.fields = ByteBuffer()
        joined.writeImmutableBuffer(piece)
        return joined
    }
}
