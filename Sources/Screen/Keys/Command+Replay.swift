import Monitor

// What is understood everywhere while a recording is shown.
extension Command {
    static let stepBack = Command("step-back", ["["], "to the change before, and pause")
    static let step = Command("step", ["]"], "to the next change, and pause", hint: "step")
    static let failureBack = Command("failure-back", ["{"], "to the failure before, and pause")
    static let failure = Command("failure", ["}"], "to the next failure, and pause", hint: "failure")
    static let pause = Command("pause", ["p"], "pause; again: go on", hint: "pause")
    static let slower = Command("slower", ["-"], "slower")
    static let faster = Command("faster", ["+"], "faster", hint: "faster")
    static let speed = Command("speed", [], "seconds of the recording in a second", argument: "number")
    static let go = Command("goto", [], "to a moment: \(PlaybackPosition.timeForm)", argument: "time")

    static let ofReplay: [Command] = [
        .step, .stepBack, .failure, .failureBack, .pause, .slower, .faster, .speed, .go,
    ]
}

extension PlaybackPosition {
    /// What a command asks for.
    ///
    /// - Throws: what is wrong with its argument.
    func order(_ call: Call) throws(CommandProblem) -> PlaybackOrder {
        switch call.command {
        case .step: return .step(1)
        case .stepBack: return .step(-1)
        case .failure: return .failure(isForward: true)
        case .failureBack: return .failure(isForward: false)
        case .slower: return .speed(PlaybackOrder.usualSpeeds.last { $0 < self.speed } ?? self.speed)
        case .faster: return .speed(PlaybackOrder.usualSpeeds.first { $0 > self.speed } ?? self.speed)
        case .speed:
            guard let speed = call.argument.flatMap(Double.init), PlaybackOrder.speeds.contains(speed) else {
                throw CommandProblem(text: "write speed 10: a number from 0.01 to 10000")
            }
            return .speed(speed)
        case .go:
            guard let time = call.argument.flatMap(self.time) else {
                throw CommandProblem(text: "write goto \(Self.timeForm)")
            }
            return .go(to: time)
        default: return .pause(!self.isPaused)
        }
    }
}
