import NIOCore

extension ServerSession {
    mutating func nextContent() -> Action? {
        var isAtFault = true
        while isAtFault {
            isAtFault = self.input.withOctets { self.decoder.decodeToFault(&$0) }
            if let reply = self.objectionToContent {
                self.sink(reply)
                return self.outbox.removeFirst()
            }
        }
        if let chunk = self.decoder.nextChunk() {
            self.state = .storing
            return .store(chunk)
        }
        if self.decoder.isComplete {
            guard let transaction = self.transaction else { preconditionFailure("content of no transaction") }
            self.isContentOpen = false
            self.state = .committing
            return .commit(transaction.envelope)
        }
        guard self.decoder.isAtEnd else { return nil }
        self.state = .waiting(.transaction)
        return .send(Reply(250, "2.0.0", "\(self.decoder.announcedOctets) octets received"))
    }

    /// What is wrong with the mail data so far.
    private var objectionToContent: Reply? {
        if self.decoder.receivedFields > self.configuration.maximumReceivedFields {
            return Reply(554, "5.4.6", "Too many hops")
        }
        if self.configuration.maximumMessageOctets > 0, self.decoder.octets > self.configuration.maximumMessageOctets {
            return self.tooLargeReply
        }
        if self.decoder.hasBareLineEnd, self.configuration.bareLineEnds == .reject {
            return Reply(550, "5.6.0", "Lines end with CRLF, and a CR or LF may not stand alone")
        }
        if self.decoder.hasLongLine, self.configuration.longLines == .reject {
            return Reply(554, "5.6.0", "A line is longer than \(ContentDecoder.lineLimit) octets")
        }
        return nil
    }

    /// There is no way to stop a client that sends mail data but to take all of it (§4.1.1.4). Chunks that follow this
    /// one were perhaps on their way already.
    mutating func sink(_ reply: Reply) {
        self.decoder.drop()
        self.abandonContent()
        let replies = self.finalReplies(reply)
        self.state = .sinking(self.endTransaction(afterRefusedMail: self.isChunked), replies)
    }

    /// LMTP answers the end of mail data for each recipient, good or bad (RFC 2033 §4.2, §4.3).
    func finalReplies(_ reply: Reply) -> [Reply] {
        guard self.configuration.role == .lmtp, self.decoder.isLastChunk else { return [reply] }
        return Array(repeating: reply, count: max(1, self.recipients))
    }

    /// Whatever became of the message, its transaction is over (§4.1.1.4).
    mutating func finish(with verdict: CommitVerdict) {
        let recipients = self.recipients
        let standing = self.endTransaction()
        switch (verdict, self.configuration.role) {
        case (.all(let reply), .relay), (.all(let reply), .submission):
            self.decoder = ContentDecoder()
            self.reply(reply, then: standing)
        case (.all(let reply), .lmtp): self.finish(standing, with: Array(repeating: reply, count: recipients))
        case (.each(let replies), .lmtp):
            precondition(replies.count == recipients, "a verdict for each recipient")
            self.finish(standing, with: replies)
        case (.each(let replies), .relay), (.each(let replies), .submission):
            precondition(!replies.isEmpty, "a commit without a verdict")
            self.finish(standing, with: Array(replies.prefix(1)))
        }
    }

    mutating func finish(_ standing: Standing, with replies: [Reply]) {
        self.decoder = ContentDecoder()
        for reply in replies.dropLast() { self.outbox.append(.send(reply)) }
        if let last = replies.last { self.reply(last, then: standing) }
    }

    /// Content cannot be stored, at ``Action/store(_:)`` or since: the rest of it is passed over, then `reply` is sent
    /// and nothing is committed.
    public mutating func storeFailed(_ reply: Reply) {
        switch self.state {
        case .storing, .content: self.sink(reply)
        case .sinking, .closed: break  // Nobody wants this content any more.
        case .waiting(.transaction) where self.isChunked, .asking(_, .transaction) where self.isChunked:
            self.abandonContent()
            let failure = self.transaction?.failure ?? reply  // The first one.
            self.transaction?.failure = failure
        case .waiting where !self.isContentOpen, .asking where !self.isContentOpen: break  // A RSET was quicker.
        case .connected, .waiting, .asking, .securing, .authenticating, .responding, .committing:
            preconditionFailure("a session without content was told that storing it failed")
        }
    }

    /// What is stored of a message that will not be finished.
    mutating func abandonContent() {
        guard self.isContentOpen else { return }
        self.isContentOpen = false
        self.outbox.append(.discard)
    }

    var tooLargeReply: Reply {
        Reply(552, "5.3.4", "Message exceeds the limit of \(self.configuration.maximumMessageOctets) octets")
    }
}
