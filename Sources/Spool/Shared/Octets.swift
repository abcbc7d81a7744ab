extension [UInt8] {
    /// Makes room for so many octets, all of which `fill` writes. What is put together of many small parts costs half as much so.
    package mutating func append(_ count: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Void) {
        self.append(addingCapacity: count) { room in
            room.withUnsafeMutableBufferPointer { octets, written in
                fill(
                    UnsafeMutableRawBufferPointer(
                        UnsafeMutableBufferPointer(rebasing: octets[written..<written + count])))
                written += count
            }
        }
    }
}
