/// Writes down what nodes tell until its task is cancelled, or the file has its size, and says what is in it.
public typealias NodeRecording = @Sendable (_ feeds: [FeedEntry], _ path: String) async throws -> String

/// A recording that was begun with `:record`.
struct RecordingUnderWay {
    let path: String
    let task: Task<Void, Never>
}

extension Screen {
    /// Begins to record what all nodes of this screen tell, or ends that.
    ///
    /// - Parameter path: `nil`: asks for one; ends the recording where there is one.
    func record(_ path: String?) {
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
                    self.recorded("recorded: \(path), \(content); hoptop replay shows it", .ok)
                } catch {
                    self.recorded("\(error)", .failure)
                }
            })
    }

    private var endOfRecording: String { self.around.sentence(.record, "ends it") }

    private func recorded(_ words: String, _ kind: Outcome.Kind) {
        self.recording = nil
        self.say(words, kind)
        self.changed()
    }

    /// What is asked for last is as of now, and takes a moment.
    private func end(_ recording: RecordingUnderWay) {
        self.errands.beginDeed()
        Task {
            recording.task.cancel()
            await recording.task.value
            self.errands.endDeed()
            self.changed()
        }
    }
}
