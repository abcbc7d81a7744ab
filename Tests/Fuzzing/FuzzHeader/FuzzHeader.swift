import Mail
import NIOCore

/// A header of any octets is read, its words decoded, its hops found.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let header = MessageHeader(ByteBuffer(bytes: UnsafeBufferPointer(start: start, count: count)))
    for field in header.fields { precondition(!field.name.isEmpty, "a field without a name") }
    _ = header.subject
    _ = header.displayText
    _ = header.beginningOfText
    _ = TraceHop.hops(in: header)
    return 0
}
