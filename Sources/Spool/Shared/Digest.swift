import CXXHash
import Mail
import NIOCore

/// A digest tells octets that the disk changed from octets as they were written, where their number does not: XXH3 of 64 bits
/// (https://xxhash.com). It guards against disks alone: who can write to the spool can write a digest too.
///
/// `@unchecked Sendable`: the hash has no lock, and needs none: a `ContentFile` and a `FileContent` call it behind a lock of
/// theirs, and everybody else makes one and keeps it to itself.
final class Digest: @unchecked Sendable {
    private let hash: OpaquePointer

    init() {
        guard let hash = hoptop_hash_create() else { fatalError("out of memory") }
        self.hash = hash
    }
    deinit { hoptop_hash_free(self.hash) }

    func update(_ octets: UnsafeRawBufferPointer) { hoptop_hash_update(self.hash, octets.baseAddress, octets.count) }

    /// The digest of all that it was given so far, as a column holds it.
    var value: Int64 { Int64(bitPattern: hoptop_hash_value(self.hash)) }

    static func of(_ octets: UnsafeRawBufferPointer) -> Int64 {
        Int64(bitPattern: hoptop_hash_of(octets.baseAddress, octets.count))
    }

    /// The digest of what the buffer has to read.
    static func of(_ buffer: ByteBuffer) -> Int64 { buffer.withUnsafeReadableBytes { self.of($0) } }
}

extension SpoolError {
    /// Whether words are those of an error that tells of damage: the last reply of a recipient that is on hold for it, here or
    /// at another node, now or before a restart. A queue ID stands where only such an error has one.
    /// What a next hop says begins with its code, and is none of them, whatever it says.
    public static func tellsOfDamage(_ words: String) -> Bool {
        guard words.first?.isNumber == false else { return false }
        if Self.damageOfAll.contains(where: words.contains) { return true }
        return Self.damageOfOne.contains { beginning in
            guard let range = words.firstRange(of: beginning) else { return false }
            let id = words[range.upperBound...].prefix { $0 != " " }
            return QueueID(String(id)) != nil
        }
    }
    private static let damageOfAll = ["a row of the spool is damaged", "the spool's database is damaged"]
    private static let damageOfOne = ["the content of ", "the spool's row of ", "a fact of ", "a drop of "]

    /// The disk changed it. Its digest may be what changed, which nobody can tell.
    static func changedContent(of id: QueueID) -> SpoolError {
        SpoolError(.damaged, "the content of \(id) is not what was accepted: the disk changed it", queueID: id)
    }
}
