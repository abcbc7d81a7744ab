import Mail
import Milter
import NIOCore
import NIOPosix
import Spool

/// A message's content while filters look at it and change it. Its header is in memory, its body only where it is small.
struct FilteredContent: Sendable {
    /// Octets of a header that filters are told of.
    static let headerLimit = 256 << 10
    /// A header's octets are read in steps of that.
    private static let headerPiece = 32 << 10

    /// The spool and the threads that its files are read and written on.
    struct Place: Sendable {
        let id: QueueID
        let spool: any Spool
        let threads: NIOThreadPool
        /// Octets of a body that a filter makes; 0: any number.
        let bodyLimit: Int
    }

    fileprivate enum Body: Sendable {
        case memory(ByteBuffer)
        case file(any StreamedContent, from: Int, octets: Int)
    }

    struct HeaderTooLarge: Error {}
    struct BodyTooLarge: Error, CustomStringConvertible {
        let limit: Int
        var description: String { "it sent a body larger than \(self.limit) octets" }
    }

    /// Our own field, which filters do not see, and behind which they put what is to be at the top.
    private let trace: ByteBuffer
    var header: EditableHeader
    private var body: Body
    private var isBodyNew = false
    private let place: Place

    /// - Parameter traceOctets: of our own field, with which the content begins.
    init(_ content: StoredContent, traceOctets: Int, octets: Int, in place: Place) async throws {
        self.place = place
        switch content {
        case .buffer(var buffer):
            self.trace = buffer.readSlice(length: traceOctets) ?? ByteBuffer()
            guard let header = EditableHeader(reading: &buffer, isComplete: true) else { throw HeaderTooLarge() }
            self.header = header
            self.body = .memory(buffer)
        case .file(let file):
            var buffer = ByteBuffer()
            var header: EditableHeader?
            var trace: ByteBuffer?
            while header == nil {
                let end = buffer.writerIndex
                guard end < Self.headerLimit else { throw HeaderTooLarge() }
                buffer.writeImmutableBuffer(
                    try await place.threads.runIfActive { try file.read(from: end, count: Self.headerPiece) })
                trace = trace ?? buffer.readSlice(length: traceOctets)
                header = EditableHeader(reading: &buffer, isComplete: buffer.writerIndex >= octets)
                if buffer.writerIndex == end, header == nil { throw HeaderTooLarge() }
            }
            guard let header, let trace else { throw HeaderTooLarge() }
            self.trace = trace
            self.header = header
            self.body = .file(file, from: buffer.readerIndex, octets: octets - buffer.readerIndex)
        }
    }

    var isChanged: Bool { self.header.isChanged || self.isBodyNew }

    var bodyOctets: Int {
        switch self.body {
        case .memory(let buffer): buffer.readableBytes
        case .file(_, _, let octets): octets
        }
    }

    /// - Returns: at most `count` octets; fewer at the end.
    func bodyPiece(from offset: Int, count: Int) async throws -> ByteBuffer {
        let count = min(count, self.bodyOctets - offset)
        guard count > 0 else { return ByteBuffer() }
        switch self.body {
        case .memory(let buffer):
            return buffer.getSlice(at: buffer.readerIndex + offset, length: count) ?? ByteBuffer()
        case .file(let file, let start, _):
            let piece = try await self.place.threads.runIfActive { try file.read(from: start + offset, count: count) }
            guard piece.readableBytes == count else {
                throw SpoolError(.damaged, "the content of \(self.place.id) ends early", queueID: self.place.id)
            }
            return piece
        }
    }

    mutating func replaceBody(with body: NewBody) async throws {
        self.isBodyNew = true
        self.body = try await body.finished(self.place)
    }

    /// The content as it is now: written anew, where it has changed.
    ///
    /// - Parameter files: all that were made on the way, this one included.
    /// - Returns: `nil` when it is as it was.
    func stored(_ files: inout [any StreamedContent]) async throws -> (content: StoredContent, octets: Int)? {
        guard self.isChanged else { return nil }
        var beginning = self.trace
        self.header.write(into: &beginning)
        let octets = beginning.readableBytes + self.bodyOctets
        guard octets > largestInlineContent else {
            beginning.writeImmutableBuffer(try await self.bodyPiece(from: 0, count: self.bodyOctets))
            return (.buffer(beginning), octets)
        }
        let file = self.place.spool.newContentFile(for: self.place.id)
        files.append(file)
        try await self.place.threads.runIfActive { [beginning] in try file.append(beginning) }
        var offset = 0
        while offset < self.bodyOctets {
            let piece = try await self.bodyPiece(from: offset, count: 256 << 10)
            offset += piece.readableBytes
            try await self.place.threads.runIfActive { try file.append(piece) }
        }
        try await self.place.threads.runIfActive { try file.finish() }
        return (.file(file), octets)
    }

    /// A body that a filter sends in place of the one there was. Its lines are made to end with CRLF.
    struct NewBody: Sendable {
        private var memory = ByteBuffer()
        private var file: (any StreamedContent)?
        private(set) var octets = 0
        private var isBehindCR = false

        /// - Parameter files: gets the file that a large one makes.
        mutating func append(
            _ piece: ByteBuffer, in place: Place, files: inout [any StreamedContent]
        ) async throws {
            for octet in piece.readableBytesView {
                if octet == 0x0A, !self.isBehindCR { self.memory.writeInteger(UInt8(0x0D)) }
                self.memory.writeInteger(octet)
                self.isBehindCR = octet == 0x0D
            }
            let octets = self.octets + self.memory.readableBytes
            if place.bodyLimit > 0, octets > place.bodyLimit { throw BodyTooLarge(limit: place.bodyLimit) }
            guard octets > largestInlineContent else { return }
            let file = self.file ?? place.spool.newContentFile(for: place.id)
            if self.file == nil { files.append(file) }
            self.file = file
            try await self.flush(to: file, place)
        }

        private mutating func flush(to file: any StreamedContent, _ place: Place) async throws {
            let piece = self.memory
            self.memory = ByteBuffer()
            self.octets += piece.readableBytes
            try await place.threads.runIfActive { try file.append(piece) }
        }

        fileprivate func finished(_ place: Place) async throws -> Body {
            guard let file = self.file else { return .memory(self.memory) }
            var body = self
            try await body.flush(to: file, place)
            try await place.threads.runIfActive { try file.finish() }
            return .file(file, from: 0, octets: body.octets)
        }
    }
}
