import SMTP

/// What reads as a path is written and read back as the same.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let octets = UnsafeBufferPointer(start: start, count: count)
    let text = String(decoding: octets, as: UTF8.self)
    for utf8 in [false, true] {
        if let path = try? ForwardPath(parsing: text, utf8: utf8) {
            precondition((try? ForwardPath(parsing: path.description, utf8: utf8)) == path, "a forward-path changed")
        }
        if let path = try? ReversePath(parsing: text, utf8: utf8) {
            precondition((try? ReversePath(parsing: path.description, utf8: utf8)) == path, "a reverse-path changed")
        }
    }
    return 0
}
