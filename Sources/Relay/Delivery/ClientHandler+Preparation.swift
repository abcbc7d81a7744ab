import DKIM
import Mail
import Monitor
import NIOCore
import SMTP
import Spool

/// What becomes of content before anything is said of it: for a hop that takes seven bits it is converted (RFC 6152 §3,
/// RFC 3030 §3), and then signed as it will leave (RFC 6376 §5.3).
extension ClientHandler {
    /// What cannot be converted is begun as it is, and the session says why it bounces.
    func prepare(_ job: Job, converting: Bool, asksAboutHeader: Bool) {
        guard let context = self.context else { return }
        let loop = context.eventLoop
        let delivery = self.delivery
        let share = delivery.memory.share()
        let seconds = self.now.milliseconds / 1000
        delivery.spool.content(of: job.message, on: loop).flatMap { source in
            let preparation = ContentPreparation(source, share: share, threads: delivery.threads, loop: loop)
            return preparation.findings(converting: converting, asksAboutHeader: asksAboutHeader).flatMap { found in
                preparation.signing(job.signing, found.verdict, at: seconds).map { (source, found, $0) }
            }
        }.assumeIsolated().whenComplete { (result: Result<_, any Error>) in
            guard self.context != nil else { return }  // The connection went, and the job with it.
            switch result {
            case .success((let source, let found, let signed)):
                var transaction = job.transaction
                transaction.hasASCIIHeader = found.isHeaderASCII
                self.start(self.prepared(transaction, source, found.verdict, signed, share))
            case .failure(let error): self.giveUp(error)
            }
        }
    }

    private func prepared(
        _ transaction: ClientSession.Transaction, _ source: any ContentSource, _ verdict: ContentVerdict,
        _ signed: ContentPreparation.Signed, _ share: ContentMemory.Share
    ) -> ClientSession.Transaction {
        var transaction = transaction
        var converter: SevenBitConverter?
        switch verdict {
        case .unasked: break
        case .unneeded: transaction.parameters.removeAll { $0.keyword == "BODY" }
        case .possible(let plan):
            transaction.parameters.removeAll { $0.keyword == "BODY" }
            transaction.contentOctets = signed.octets ?? transaction.contentOctets
            converter = SevenBitConverter(plan)
            self.record.said(.relay, "8-bit content is converted to 7-bit MIME", at: self.now)
        case .impossible(let reason):
            self.record.said(.relay, "8-bit content cannot be converted: \(reason)", at: self.now)
            return transaction
        }
        var fields = ByteBuffer()
        switch signed.outcome {
        case .signed(fields: let text, by: let signers):
            fields.writeString(text)
            for signer in signers { self.record.said(.relay, "signed (DKIM): \(signer)", at: self.now) }
        case .impossible(let reason): self.record.said(.relay, "not signed (DKIM): \(reason)", at: self.now)
        case .notOurs: break
        }
        transaction.contentOctets += fields.readableBytes
        let octets = transaction.contentOctets
        self.record.update(at: self.now) { $0.contentOctets = octets }
        self.reader = ContentReader(source, behind: fields, converter: converter, share: share)
        return transaction
    }
}
