public import Mail
public import NIOCore

/// What keeps mail safe. Reception needs this much of it.
public protocol Spool: Sendable {
    /// A fresh queue ID; cheap, from any thread.
    func nextID(at now: Timestamp) -> QueueID
    func newContentFile(for id: QueueID) throws(SpoolError) -> any StreamedContent
    /// Makes a message durable.
    ///
    /// On success it has reached the disk and the 250 may go out; from here it is ours to deliver or report (RFC 5321
    /// §4.2.5). On failure nothing of it remains but a content file, which the caller discards.
    ///
    /// - Returns: completes on `eventLoop`; fails with ``SpoolError``.
    func accept(_ message: NewMessage, on eventLoop: any EventLoop) -> EventLoopFuture<Void>
}
