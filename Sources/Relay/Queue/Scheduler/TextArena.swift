import Monitor

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
                    // Whoever asks chose the word: a NUL in it does not match the one behind the text.
                    while matched < word.count, octets[index + matched] != 0,
                        Self.folded(octets[index + matched]) == word[matched]
                    { matched += 1 }
                    if matched == word.count { return true }
                }
                index += 1
            }
            return false
        }
    }

    /// Whether the text is a path with `word`, which is in lower case, between its angle brackets; ASCII letters are folded.
    func isPath(_ word: [UInt8], at start: UInt32) -> Bool {
        self.octets.withUnsafeBufferPointer { octets in
            var index = Int(start)
            guard octets[index] == UInt8(ascii: "<") else { return false }
            for octet in word {
                index += 1
                guard octets[index] != 0, Self.folded(octets[index]) == octet else { return false }
            }
            return octets[index + 1] == UInt8(ascii: ">") && octets[index + 2] == 0
        }
    }

    func matches(_ pattern: FilterPattern, at start: UInt32) -> Bool {
        self.octets.withUnsafeBytes { octets in
            octets.baseAddress.map { pattern.matches(($0 + Int(start)).assumingMemoryBound(to: CChar.self)) } ?? false
        }
    }

    /// Of a forward-path: the next host of its source route, else its mailbox's domain, in lower case.
    func routedDomain(_ start: UInt32) -> [UInt8] { self.routedPart(start).map(Self.folded) }

    /// A number that stands for it (FNV-1a).
    func routedDomainHash(_ start: UInt32) -> UInt64 {
        self.routedPart(start).reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64(Self.folded($1))) &* 0x100_0000_01b3 }
    }

    private func routedPart(_ start: UInt32) -> ArraySlice<UInt8> {
        let path = self.octets[Int(start)..<self.end(of: start)].drop { $0 == UInt8(ascii: "<") }
        let isRoute = path.first == UInt8(ascii: "@")
        let at = isRoute ? path.firstIndex(of: UInt8(ascii: "@")) : path.lastIndex(of: UInt8(ascii: "@"))
        guard let at else { return [] }
        return path[(at + 1)...].prefix { octet in
            octet != UInt8(ascii: ">") && !(isRoute && (octet == UInt8(ascii: ",") || octet == UInt8(ascii: ":")))
        }
    }

    private static func folded(_ octet: UInt8) -> UInt8 {
        octet >= UInt8(ascii: "A") && octet <= UInt8(ascii: "Z") ? octet | 0x20 : octet
    }
}
