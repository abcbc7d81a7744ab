import Mail
import NIOConcurrencyHelpers
import NIOCore

/// Tells whether content is what was accepted, while it is read.
final class ContentVerification: Sendable {
    /// How far it was read in order.
    private struct State {
        var digest = Digest()
        var end = 0
    }
    private let expected: Int64
    private let state = NIOLockedValueBox(State())

    /// - Parameter expected: ``Digest`` of what was accepted.
    init(expected: Int64) { self.expected = expected }

    /// A reader of all of it, in order, is not handed the end when it is not what was accepted, and so can still break off.
    ///
    /// - Parameter octets: of all the content.
    func check(_ piece: ByteBuffer, from offset: Int, of octets: Int, _ id: QueueID) throws(SpoolError) {
        let isChanged = self.state.withLockedValue { state in
            if offset == 0 { state = State() }
            guard offset == state.end else { return false }
            piece.withUnsafeReadableBytes { state.digest.update($0) }
            state.end += piece.readableBytes
            return state.end >= octets && state.digest.value != self.expected
        }
        if isChanged { throw .changedContent(of: id) }
    }
}
