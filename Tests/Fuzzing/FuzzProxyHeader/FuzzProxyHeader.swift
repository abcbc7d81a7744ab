import NIOCore
import SMTP

/// A PROXY header is read from any octets: what is there is taken whole, and the start of it asks for more.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let input = ByteBuffer(bytes: UnsafeBufferPointer(start: start, count: count)).readableBytesView
    guard let header = try? ProxyHeader.parse(input) else { return 0 }
    precondition(header.octets > 0 && header.octets <= input.count, "a header with octets that are not there")
    precondition((try? ProxyHeader.parse(input.prefix(header.octets))) == header, "what follows a header changes it")
    for length in 0..<header.octets {
        let read: ProxyHeader?
        do { read = try ProxyHeader.parse(input.prefix(length)) } catch {
            preconditionFailure("the first \(length) octets of a header are \(error)")
        }
        precondition(read == nil, "a header ends before its end")
    }
    return 0
}
