import SMTP

/// One attempt as a step in the list of hosts of its next hop: what its mail had passed before, and where it goes on.
struct HostStep: Equatable, Sendable {
    /// What the mail had passed; `nil`: this was the first host of a round.
    private let before: PassedHosts?
    /// What of it was put off has passed then; `nil`: it goes to no other host in this round.
    private let after: PassedHosts?

    init(from before: PassedHosts?, by result: JobResult, orders: DestinationOrders) {
        self.before = before
        guard !result.untried.isEmpty, case .outcomes(let outcomes) = result.verdict,
            outcomes.contains(where: \.mayGoOn)
        else {
            self.after = nil
            return
        }
        self.after = (before ?? PassedHosts()).next(
            after: result, broke: outcomes.contains { $0.breakingCause != nil }, orders: orders)
    }

    /// It was the first host of a round.
    var isFirst: Bool { self.before == nil }
    /// There is another host to be tried at once.
    var goesOn: Bool { self.after != nil }
    /// A host before this one answered, and put the mail off: the site is there.
    var siteHasAnswered: Bool { !(self.before?.allBroke ?? true) }

    /// What a recipient of the attempt has passed from now on; `nil`: it begins at the first host again.
    ///
    /// - Parameter outcome: its own; `nil`: none was given.
    func passed(with outcome: ClientSession.Outcome?) -> PassedHosts? {
        switch outcome {
        // Another transaction takes it, at the same host.
        case .deferred(.beyondLimit): self.before
        case .some(let outcome): outcome.mayGoOn ? self.after : nil
        case .none: nil
        }
    }
}
