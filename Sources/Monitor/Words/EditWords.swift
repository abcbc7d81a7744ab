public import Mail

extension RecipientEdit {
    /// What is done, in a word or two: `retry at a time`, `edit`.
    public var words: String {
        switch self {
        case .due: "retry later"
        case .address: "edit"
        }
    }

    /// What becomes of those it is done to.
    public func consequence(_ now: Timestamp) -> String {
        switch self {
        case .due(let time):
            "They are tried at \(Format.moment(time, now)) UTC, and not before. Until then they do not expire."
        case .address(let address): "They go to \(address), at once. Reports name the address that the sender knows."
        }
    }
}
