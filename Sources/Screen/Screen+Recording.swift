/// Writes down what nodes tell until its task is cancelled, or the file has its size, and says what is in it.
public typealias NodeRecording = @Sendable (_ feeds: [FeedEntry], _ path: String) async throws -> String

/// A recording that was begun with `:record`.
struct RecordingUnderWay {
    let path: String
    /// Gives what came of it, in words.
    let task: Task<String, Never>
    /// Somebody asked for its end.
    var isEnding = false
}

extension Screen {
    /// Begins to record what all nodes of this screen tell, or ends that.
    ///
    /// - Parameter path: `nil`: asks for one; ends the recording where there is one.
    func record(_ path: String?) {
        guard self.options.playback == nil else { return self.say("this is a recording already", .warning) }
        guard let record = self.options.record else {
            return self.say("nothing is recorded here: hoptop record does it", .warning)
        }
        if let recording = self.recording {
            guard path == nil else {
                return self.say("\(recording.path) is being recorded: \(self.endOfRecording)", .warning)
            }
            return self.end(recording)
        }
        guard let path else {
            return self.carryOut(self.stack.top.askWhere(.record, self.nodes[self.stack.node].name, ".hoptop"))
        }
        let feeds = self.nodes.indices.map { self.nodes[$0].entry }.filter { !$0.isJoined }
        self.say("what happens is recorded: \(self.endOfRecording)", .ok)
        self.recording = RecordingUnderWay(
            path: path,
            task: Task {
                do {
                    let content = try await record(feeds, path)
                    return self.recorded("recorded: \(path), \(content); hoptop replay shows it", .ok)
                } catch {
                    return self.recorded("\(error)", .failure)
                }
            })
    }

    private var endOfRecording: String { self.around.sentence(.record, "ends it") }

    private func recorded(_ words: String, _ kind: Outcome.Kind) -> String {
        let isAsked = self.recording?.isEnding == true
        self.recording = nil
        if isAsked {
            self.say(words, kind)
        } else {
            // Nobody may be looking when the disk is full.
            self.outcome = Outcome((words, kind == .ok ? .warning : kind), until: nil)
        }
        self.changed()
        return words
    }

    /// What is asked for last is as of now, and takes a moment. Keys mean meanwhile what they always mean.
    private func end(_ recording: RecordingUnderWay) {
        self.errands.beginOther()
        self.recording?.isEnding = true
        Task {
            recording.task.cancel()
            _ = await recording.task.value
            self.errands.endOther()
            self.changed()
        }
    }

    /// The path of what is being recorded; `nil`: nothing is.
    public var recordingPath: String? { self.recording?.path }

    /// Ends what is being recorded, which is whole then; that takes as long as the nodes take to answer once more.
    ///
    /// - Returns: what came of it; `nil`: nothing was being recorded.
    public func finishRecording() async -> String? {
        guard let recording = self.recording else { return nil }
        self.recording?.isEnding = true
        recording.task.cancel()
        return await recording.task.value
    }
}
