/// The paths of all queued messages in one run of octets, so that a million of them are no million allocations and a
/// filter reads memory in order. A text ends with a NUL, which no path holds.
struct TextArena {
    private(set) var octets: [UInt8] = []
    private(set) var deadOctets = 0

    /// - Returns: where the text starts.
    mutating func append(_ text: String) -> UInt32 {
        let start = UInt32(self.octets.count)
        self.octets.append(contentsOf: text.utf8)
        self.octets.append(0)
        return start
    }

    func end(of start: UInt32) -> Int {
        var index = Int(start)
        while self.octets[index] != 0 { index += 1 }
        return index
    }

    subscript(start: UInt32) -> String {
        String(decoding: self.octets[Int(start)..<self.end(of: start)], as: UTF8.self)
    }

    /// The text is no longer used; its room is won back by moving the others.
    mutating func forget(_ start: UInt32) { self.deadOctets += self.end(of: start) + 1 - Int(start) }

    /// Whether moving the live texts together is worth its time.
    var isWasteful: Bool { self.deadOctets > 1 << 20 && self.deadOctets > self.octets.count / 2 }

    /// Copies a text of `other` behind the texts of this arena.
    mutating func append(_ start: UInt32, of other: TextArena) -> UInt32 {
        let moved = UInt32(self.octets.count)
        self.octets.append(contentsOf: other.octets[Int(start)...other.end(of: start)])
        return moved
    }

    /// Whether the text holds `word`, which is in lower case; ASCII letters are folded.
    func contains(_ word: [UInt8], at start: UInt32) -> Bool {
        guard let first = word.first else { return true }
        return self.octets.withUnsafeBufferPointer { octets in
            var index = Int(start)
            while octets[index] != 0 {
                if Self.folded(octets[index]) == first {
                    var matched = 1
                    // The NUL at the end matches nothing, so this stays inside the text.
                    while matched < word.count, Self.folded(octets[index + matched]) == word[matched] { matched += 1 }
                    if matched == word.count { return true }
                }
                index += 1
            }
            return false
        }
    }

    private static func folded(_ octet: UInt8) -> UInt8 {
        octet >= UInt8(ascii: "A") && octet <= UInt8(ascii: "Z") ? octet | 0x20 : octet
    }
}
