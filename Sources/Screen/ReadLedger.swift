/// Which reads are under way, and which have to be repeated at their end.
struct ReadLedger {
    private var serial = 0
    private var inFlight: [Read.Key: (serial: Int, choosesTargets: Bool)] = [:]
    private var again: [Read.Key: Read] = [:]

    var isEmpty: Bool { self.inFlight.isEmpty }
    func has(_ owner: AnyObject) -> Bool { self.inFlight.keys.contains { $0.owner == ObjectIdentifier(owner) } }
    /// What actions are for is not known yet.
    func choosesTargets(_ owner: AnyObject) -> Bool {
        self.inFlight.contains { $0.key.owner == ObjectIdentifier(owner) && $0.value.choosesTargets }
    }

    /// The same question is asked once at a time; when it is asked again meanwhile, it is repeated at the end.
    ///
    /// - Returns: the number that an answer has to come with; `nil`: the question has to wait.
    mutating func begin(_ read: Read) -> Int? {
        guard self.inFlight[read.key] == nil || read.isInstead else {
            self.again[read.key] = read
            return nil
        }
        self.serial += 1
        self.inFlight[read.key] = (self.serial, read.choosesTargets)
        self.again[read.key] = nil
        return self.serial
    }

    /// What is under way is an answer about another time.
    mutating func abandon() {
        self.inFlight = [:]
        self.again = [:]
    }

    /// - Returns: whether an answer is to the newest question.
    func isNewest(_ key: Read.Key, _ serial: Int) -> Bool { self.inFlight[key]?.serial == serial }

    /// - Returns: what was asked again meanwhile.
    mutating func end(_ key: Read.Key) -> Read? {
        self.inFlight[key] = nil
        return self.again.removeValue(forKey: key)
    }
}
