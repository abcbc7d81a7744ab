import Mail
import NIOCore

/// The parts of any message are found and read, and what a reader is given stays within its bounds.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let message = ByteBuffer(bytes: UnsafeBufferPointer(start: start, count: count))
    for isWhole in [false, true] {
        let parts = MessagePartReader.parts(of: message, isWhole: isWhole)
        precondition(parts.count <= 64, "more parts than a reader is given")
        precondition(parts.allSatisfy { $0.octets <= count }, "a part with octets that are not there")
        precondition(parts.first.map { $0.depth == 0 } ?? true, "the message is in no other")
    }
    return 0
}
