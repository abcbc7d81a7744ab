import Mail
import Monitor
import NIOCore
import SMTP
import Spool

/// 8-bit and binary content for a hop that takes seven bits (RFC 6152 §3, RFC 3030 §3).
extension ClientHandler {
    /// Looks at the content before anything is said of it. What cannot be converted is begun as it is, and the session
    /// says why it bounces.
    func convert(_ job: Job) {
        guard let context = self.context else { return }
        let loop = context.eventLoop
        let share = self.delivery.memory.share()
        self.delivery.spool.content(of: job.message, on: loop).flatMap { source in
            ContentVerdict.on(source, share: share, on: loop).map { (source, $0) }
        }.assumeIsolated().whenComplete { (result: Result<(any ContentSource, ContentVerdict), any Error>) in
            guard self.context != nil else { return }  // The connection went, and the job with it.
            var transaction = job.transaction
            switch result {
            case .success((_, .unneeded)): transaction.parameters.removeAll { $0.keyword == "BODY" }
            case .success((let source, .possible(let plan, let octets))):
                transaction.parameters.removeAll { $0.keyword == "BODY" }
                transaction.contentOctets = octets
                self.reader = ContentReader(source, converter: SevenBitConverter(plan), share: share)
                self.record.update(at: self.now) { $0.contentOctets = octets }
                self.record.said(.relay, "8-bit content is converted to 7-bit MIME", at: self.now)
            case .success((_, .impossible(let reason))):
                self.record.said(.relay, "8-bit content cannot be converted: \(reason)", at: self.now)
            case .failure(let error): return self.giveUp(error)
            }
            self.start(transaction)
        }
    }
}
