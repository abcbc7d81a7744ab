package import Mail

extension SpooledRecipient {
    /// Ends the time for which it was put off, of which counts what passed: an operator may have had it tried before.
    mutating func isPutOffNoMore(at now: Timestamp) {
        guard self.state != .hold, let since = self.heldSince else { return }
        self.heldTotal += max(min(self.due, now).since(since), 0)
        self.heldSince = nil
    }

    /// Puts it off to a time: until then nothing counts to expiry.
    package mutating func putOff(to time: Timestamp, at now: Timestamp) {
        self.isPutOffNoMore(at: now)
        self.due = max(time, now)
        self.state = self.due > now ? .deferred : .queued
        self.heldSince = self.due > now ? now : nil
    }
}
