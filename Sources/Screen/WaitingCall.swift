/// What was asked for before it is known what for.
struct WaitingCall {
    let call: Call
    /// What it was asked for in.
    let pane: any Pane
}
