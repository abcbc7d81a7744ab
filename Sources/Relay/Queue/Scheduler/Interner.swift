/// Strings that many rows share, each kept once and counted: replies and reasons.
struct Interner {
    /// 0 names no string.
    typealias Name = UInt32

    private var strings: [String] = [""]
    private var counts: [UInt32] = [0]
    /// What was worked out of each string; 0: nothing yet.
    private var marks: [Int] = [0]
    private var free: [Name] = []
    private var names: [String: Name] = [:]

    subscript(name: Name) -> String? { name == 0 ? nil : self.strings[Int(name)] }

    /// Takes one count of the string; ``release(_:)`` gives it back.
    mutating func take(_ string: String?) -> Name {
        guard let string, !string.isEmpty else { return 0 }
        if let name = self.names[string] {
            self.counts[Int(name)] += 1
            return name
        }
        let name: Name
        if let reused = self.free.popLast() {
            name = reused
            self.strings[Int(name)] = string
            self.counts[Int(name)] = 1
            self.marks[Int(name)] = 0
        } else {
            name = Name(self.strings.count)
            self.strings.append(string)
            self.counts.append(1)
            self.marks.append(0)
        }
        self.names[string] = name
        return name
    }

    func mark(of name: Name) -> Int { self.marks[Int(name)] }
    /// Works it out once for all that share the string.
    mutating func mark(_ name: Name, by work: (String) -> Int) {
        if name != 0, self.marks[Int(name)] == 0 { self.marks[Int(name)] = work(self.strings[Int(name)]) }
    }

    mutating func release(_ name: Name) {
        guard name != 0 else { return }
        self.counts[Int(name)] -= 1
        guard self.counts[Int(name)] == 0 else { return }
        self.names[self.strings[Int(name)]] = nil
        self.strings[Int(name)] = ""
        self.free.append(name)
    }
}
