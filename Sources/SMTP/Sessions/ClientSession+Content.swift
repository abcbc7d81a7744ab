public import NIOCore

extension ClientSession {
    /// BDATs on their way (RFC 3030 §2).
    ///
    /// One chunk is held back until the driver says whether another follows, so that the last one carries LAST and small
    /// content goes in one round trip.
    struct Chunks: Sendable {
        var reading = Reading.due
        /// `nil` for binary content, which goes octet for octet.
        var encoder: ContentEncoder?
        var held = ByteBuffer()
        /// BDATs that are out, and replies that are in.
        var sent = 0
        var answered = 0
        var isLastSent = false
        /// A 4yz or 5yz: no further chunk goes out, and the transaction ends as soon as the driver does not read.
        var refusal: Reply?

        var phase: SessionPhase { self.isLastSent ? .finalReply : .content }
    }

    /// Answers ``Action/readContent``; a chunk may end anywhere.
    public mutating func content(_ chunk: ByteBuffer) {
        guard let way = self.reading() else { return }
        guard case .chunks(var chunks) = way else {
            let encoded = self.encoder.encode(chunk)
            if encoded.readableBytes > 0 { self.outbox.append(.sendContent(encoded)) }
            self.state = .content(.due)
            return
        }
        let encoded = chunks.encoder?.encode(chunk) ?? chunk
        if chunks.refusal == nil, encoded.readableBytes > 0 {
            if chunks.held.readableBytes > 0 { self.send(&chunks, isLast: false) }
            chunks.held = encoded
        }
        chunks.reading = .due
        self.state = .chunks(chunks)
    }

    /// Answers ``Action/readContent``: there is no more of it.
    public mutating func contentEnded() {
        guard let way = self.reading() else { return }
        guard case .chunks(var chunks) = way else {
            if let lineEnd = self.encoder.finish() { self.outbox.append(.sendContent(lineEnd)) }
            self.state = .content(.ended)
            return
        }
        if let lineEnd = chunks.encoder?.finish() { chunks.held.join(lineEnd) }
        chunks.reading = .ended
        self.state = .chunks(chunks)
    }

    /// Answers ``Action/readContent``: it cannot be read. The connection goes without a dot or LAST, so that the server
    /// forgets the message (RFC 5321 §4.1.1.10).
    public mutating func contentFailed() {
        guard self.reading() != nil else { return }
        self.ending = .contentFailed
    }

    private enum Way {
        case stream
        case chunks(Chunks)
    }

    /// How the content goes that the driver was asked for; `nil` when the session broke while the driver was reading.
    private func reading() -> Way? {
        switch self.state {
        case .content(.asked): return .stream
        case .chunks(let chunks) where chunks.reading == .asked: return .chunks(chunks)
        case .closed: return nil
        case .greeting, .hello, .startingTLS, .handshake, .choosing, .authenticating, .ready, .commands, .content,
            .finalReply, .chunks, .resetting, .quitting:
            preconditionFailure("content for a session that had not asked")
        }
    }

    /// - Returns: whether anything comes next without the server.
    mutating func proceed(_ reading: Reading) -> Bool {
        switch reading {
        case .due:
            self.state = .content(.asked)
            self.outbox.append(.readContent)
        case .asked: return false
        case .ended:
            guard self.replies.isEmpty else {
                self.fail(.malformedReply(.content))  // It began to reply before the dot.
                return true
            }
            self.state = .finalReply
            self.outbox.append(.endContent)
        }
        return true
    }

    /// - Returns: whether anything comes next without the server.
    mutating func proceed(_ chunks: Chunks) -> Bool {
        var chunks = chunks
        if let refusal = chunks.refusal, chunks.reading != .asked {
            self.finish(Outcome(refusedWith: refusal))
            // Whatever state a server is in after a refused chunk, RSET gets it out of it (RFC 3030 §2).
            self.outbox.append(.send("RSET"))
            self.state = .resetting(awaited: chunks.sent - chunks.answered + 1)
            return true
        }
        guard self.exchange?.means.pipelining == true || chunks.answered == chunks.sent else { return false }
        switch chunks.reading {
        case .due:
            chunks.reading = .asked
            self.outbox.append(.readContent)
        case .asked: return false
        case .ended:
            guard !chunks.isLastSent else { return false }
            guard self.replies.isEmpty || chunks.answered < chunks.sent else {
                self.fail(.malformedReply(.content))  // It began to reply before the chunk.
                return true
            }
            self.send(&chunks, isLast: true)
        }
        self.state = .chunks(chunks)
        return true
    }

    private mutating func send(_ chunks: inout Chunks, isLast: Bool) {
        self.outbox.append(.send("BDAT \(chunks.held.readableBytes)\(isLast ? " LAST" : "")"))
        if chunks.held.readableBytes > 0 { self.outbox.append(.sendContent(chunks.held)) }
        chunks.held = ByteBuffer()
        chunks.sent += 1
        chunks.isLastSent = isLast
    }

    /// Each chunk has its reply; what is decided is decided by the last one, or by the first that is refused.
    mutating func chunkAnswered(_ chunks: Chunks, _ reply: Reply) {
        guard chunks.answered < chunks.sent else { return self.answeredEarly(reply) }
        var chunks = chunks
        chunks.answered += 1
        if chunks.refusal == nil {
            if reply.code.isTransient || reply.code.isPermanent {
                chunks.refusal = reply
            } else if !reply.code.isCompletion {
                return self.fail(.malformedReply(chunks.phase))
            } else if chunks.isLastSent, chunks.answered == chunks.sent {
                return self.finishRelayed(reply)
            }
        }
        self.state = .chunks(chunks)
    }

    /// A reply while mail data is under way.
    ///
    /// A 2yz answers nothing that was asked, and must not count as one to a dot that the server has not seen. A 4yz or
    /// 5yz is a server that gave up, the size or the disk being too much for it: that is its verdict, and the connection
    /// ends, since there is no dot to come back from.
    mutating func answeredEarly(_ reply: Reply) {
        if reply.code.isTransient || reply.code.isPermanent {
            self.finish(Outcome(refusedWith: reply))
            self.close()
        } else {
            self.fail(.malformedReply(.content))
        }
    }
}
