#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A word that is looked for in many octets (Horspool's algorithm): the longer it is, the fewer of them are looked at, also
/// where each of its octets is common, as in numbers.
struct WordSearch {
    let octets: [UInt8]
    /// How far to go on from where an octet stands under the word's last.
    private let steps: [Int]

    init(_ octets: [UInt8]) {
        self.octets = octets
        var steps = [Int](repeating: max(octets.count, 1), count: 256)
        for (place, octet) in octets.dropLast().enumerated() { steps[Int(octet)] = octets.count - 1 - place }
        self.steps = steps
    }

    /// Letters may be large in a text whose capital letters were not made small.
    var hasLetters: Bool { self.octets.contains { (0x61...0x7A).contains($0) } }

    func isPart(of text: UnsafeRawBufferPointer) -> Bool {
        guard let last = self.octets.last else { return true }
        guard let base = text.baseAddress else { return false }
        let front = self.octets.count - 1
        return self.octets.withUnsafeBytes { word in
            self.steps.withUnsafeBufferPointer { steps in
                guard let word = word.baseAddress else { return true }
                var place = front
                while place < text.count {
                    let octet = text[place]
                    if octet == last, front == 0 || memcmp(base + place - front, word, front) == 0 {
                        return true
                    }
                    place += steps[Int(octet)]
                }
                return false
            }
        }
    }
}
