import Crypto
import Mail
import NIOCore

/// What tells content that the disk changed from content as it came, where its length does not: the first 8 octets of its
/// SHA-256 (FIPS 180-4), big endian, as a column holds them.
///
/// SHA-256 since processors have instructions for it. 8 octets since it guards against disks alone, of whose changes it
/// overlooks one in 2^64: who can write to the spool can write a digest too.
struct ContentDigest {
    private var hash = SHA256()

    mutating func update(_ octets: UnsafeRawBufferPointer) { self.hash.update(bufferPointer: octets) }

    /// Of all that it was given so far.
    var value: Int64 {
        self.hash.finalize().withUnsafeBytes { Int64(bigEndian: $0.loadUnaligned(as: Int64.self)) }
    }

    static func of(_ octets: UnsafeRawBufferPointer) -> Int64 {
        var digest = ContentDigest()
        digest.update(octets)
        return digest.value
    }

    /// Of what it has to read.
    static func of(_ buffer: ByteBuffer) -> Int64 { buffer.withUnsafeReadableBytes { self.of($0) } }
}

extension SpoolError {
    /// The disk changed it. Its digest may be what changed, which nobody can tell.
    static func changedContent(of id: QueueID) -> SpoolError {
        SpoolError(.damaged, "the content of \(id) is not what was accepted: the disk changed it", queueID: id)
    }
}

extension NewMessage {
    /// With the digest of content in a buffer; a file has its own. On the caller's thread, since the writer has enough to
    /// do.
    func digested() -> NewMessage {
        guard case .buffer(let octets) = self.content else { return self }
        var message = self
        message.digest = ContentDigest.of(octets)
        return message
    }
}
