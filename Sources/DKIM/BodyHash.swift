import Crypto
import NIOCore

/// The hash of a body in its relaxed form (RFC 6376 §3.4.4, §3.7): chunks in, 32 octets out. Of the body it holds nothing
/// but counts.
///
/// A CR or LF that stands alone is an octet as any other.
struct BodyHash: Sendable {
    private var hash = SHA256()
    /// CRLFs that are not hashed yet, for those at the end do not count.
    private var heldLineEnds = 0
    private var holdsSpace = false
    private var isBehindCR = false
    /// The relaxed form of a chunk.
    private var output: [UInt8] = []

    mutating func receive(_ octets: UnsafeRawBufferPointer) {
        self.output.reserveCapacity(octets.count + 16)
        for octet in octets { self.receive(octet) }
        self.hashOutput()
    }

    private mutating func receive(_ octet: UInt8) {
        if self.isBehindCR {
            self.isBehindCR = false
            guard octet != 0x0A else { return self.endLine() }
            self.write(0x0D)
        }
        switch octet {
        case 0x0D: self.isBehindCR = true
        case 0x20, 0x09: self.holdsSpace = true
        default: self.write(octet)
        }
    }

    /// White space at the end of a line is nothing.
    private mutating func endLine() {
        self.holdsSpace = false
        self.heldLineEnds += 1
    }

    private mutating func write(_ octet: UInt8) {
        while self.heldLineEnds > 0 {
            self.output += [0x0D, 0x0A]
            self.heldLineEnds -= 1
            // Lines without anything in them may be any number.
            if self.output.count >= 64 << 10 { self.hashOutput() }
        }
        if self.holdsSpace {
            self.output.append(0x20)
            self.holdsSpace = false
        }
        self.output.append(octet)
        self.isEmpty = false
    }

    private mutating func hashOutput() {
        self.output.withUnsafeBytes { self.hash.update(bufferPointer: $0) }
        self.output.removeAll(keepingCapacity: true)
    }

    /// Nothing was hashed: a body of empty lines is an empty one.
    private var isEmpty = true

    /// The body is complete.
    mutating func finish() -> SHA256Digest {
        if self.isBehindCR {
            self.isBehindCR = false
            self.write(0x0D)
        }
        if !self.isEmpty { self.output += [0x0D, 0x0A] }
        self.hashOutput()
        return self.hash.finalize()
    }
}
