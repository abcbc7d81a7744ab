import ArgumentParser
import Glibc
import Mail
import Monitor
import Recording
import Relay
import Screen
import Terminal

struct RecordCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "record", abstract: "Write down what happens, to be watched again.",
        discussion: """
            Stores what a screen would show of a relay, or of several: overview, queue, connections, what happened, \
            messages that can be opened, and dialogues. It is a viewer like any other. It \
            goes on until Ctrl-C, for the time of --for, or until the file has its --size; when the relay is restarted it \
            waits. hoptop replay shows the file, also one whose recorder was killed. Only you can read it: it has \
            addresses, subjects and the beginnings of texts, unless they are replaced with --redact, for sharing.

            With --since it writes down what is over, as the journal tells it: what became of mail, the queue that follows \
            from that, and the dialogues that were kept; it ends when that is done.

            EXAMPLES
              hoptop record incident.hoptop            the relay of this machine
              hoptop record night.hoptop --for 8h --size 2GB
              hoptop record all.hoptop --to ./a.sock --to ./b.sock
              hoptop record demo.hoptop --to demo      the relays of hoptop demo elsewhere
              hoptop record public.hoptop --redact     names and content replaced
              hoptop record past.hoptop --since yesterday@14h --until yesterday@15h
              zcat incident.hoptop | jq 'select(.fact)'    it is JSON, a value on each line
            """)

    @Argument(help: ArgumentHelp("The file to make.", valueName: "file"), completion: .file())
    var file: String
    @Option(
        name: .customLong("for"), help: ArgumentHelp("End after this time, such as 10m.", valueName: "time"),
        transform: { text in
            guard let duration = Quantity.duration(text), duration > 0 else {
                throw ValidationError("\(text) is not \(Quantity.durationForm)")
            }
            return duration
        })
    var milliseconds: Int64?
    @Option(
        help: ArgumentHelp("End when the file is this large.", valueName: "size"),
        transform: { text in
            guard let size = Quantity.size(text), size > 0 else {
                throw ValidationError("\(text) is not \(Quantity.sizeForm)")
            }
            return size
        })
    var size = 500_000_000
    @Flag(help: "Replace addresses, names, IP addresses, subjects and content by others, the same always by the same.")
    var redact = false
    @Option(help: ArgumentHelp("Out of the journal: what happened from then on.", valueName: "moment"))
    var since: Moment?
    @Option(help: ArgumentHelp("Until then; without it, until now.", valueName: "moment"))
    var until: Moment?
    @OptionGroup var daemon: DaemonOptions

    func validate() throws {
        if self.until != nil, self.since == nil { throw ValidationError("--until goes with --since") }
        guard let since else { return }
        if self.milliseconds != nil { throw ValidationError("--for records what happens, and --since what is over") }
        if since.start >= self.until?.start ?? .now {
            throw ValidationError("--since is not before \(self.until == nil ? "now" : "--until")")
        }
    }

    func run() async throws {
        let feeds = try await AttachCommand.named(try await self.daemon.feeds())
        var options = Recorder.Options(software: "hoptop \(Relay.version)")
        options.size = self.size
        options.isRedacted = self.redact
        if let since { return try await self.recordPast(since.start, feeds, options) }
        let recorder: Recorder
        do {
            recorder = try Recorder(feeds.map { ($0.name, $0.feed) }, to: self.file, options)
            try Departure.listen()
        } catch { throw Failure(error) }
        let names = feeds.map(\.name).joined(separator: ", ")
        let recording = Task { try await recorder.run() }
        let showing = Task { await Self.show(recorder, names) }
        let milliseconds = self.milliseconds
        _ = await Departure.wait { await Self.wait(for: recording, atMost: milliseconds) }
        recording.cancel()
        do {
            let isFull = try await recording.value
            showing.cancel()
            await showing.value
            print("\(self.file): \(await recorder.content.words) of \(names)")
            if let missed = await recorder.content.missed.words {
                print("not in it, since there was no time to ask for them: \(missed)")
            }
            if isFull { print("it has its size, so it ends here: --size allows more") }
            print("watch it with: hoptop replay \(self.file)")
        } catch {
            showing.cancel()
            await showing.value
            throw Failure("\(error); what was recorded before (\(await recorder.content.words)) can be replayed")
        }
    }

    private func recordPast(_ since: Timestamp, _ feeds: [FeedEntry], _ options: Recorder.Options) async throws {
        let past = PastRecorder(feeds.map { ($0.name, $0.feed) }, to: self.file, options)
        do {
            let content = try await past.run(since: since, until: self.until?.start ?? .now)
            print("\(self.file): \(content.words) of \(feeds.map(\.name).joined(separator: ", "))")
            if content.octets >= self.size { print("it has its size, so it ends before --until: --size allows more") }
            print("watch it with: hoptop replay \(self.file)")
        } catch { throw Failure(error) }
    }

    private static func wait(for recording: Task<Bool, any Error>, atMost milliseconds: Int64?) async {
        await withTaskGroup { group in
            group.addTask { _ = try? await recording.value }
            if let milliseconds { group.addTask { try? await Task.sleep(for: .milliseconds(milliseconds)) } }
            await group.next()
            group.cancelAll()
            // Whoever waits for the recording waits until it has ended.
            recording.cancel()
        }
    }

    /// How it goes, on a terminal's stderr.
    private static func show(_ recorder: Recorder, _ names: String) async {
        guard isatty(STDERR_FILENO) == 1 else { return }
        while !Task.isCancelled {
            let words = "recording \(names): \(await recorder.content.words); Ctrl-C ends it"
            writeToStandardError("\r\(SafeText(words)) \u{1B}[K")
            try? await Task.sleep(for: .seconds(1))
        }
        writeToStandardError("\r\u{1B}[K")
    }
}

extension Recorder {
    /// Records until its task is cancelled, or the file has its size.
    ///
    /// - Returns: what is in it.
    static func record(_ feeds: [FeedEntry], to path: String) async throws -> String {
        let options = Options(software: "hoptop \(Relay.version)")
        let recorder = try Recorder(feeds.map { ($0.name, $0.feed) }, to: path, options)
        let isFull = try await recorder.run()
        let content = await recorder.content
        return [
            content.words, content.missed.words.map { "without \($0), for which there was no time" },
            isFull ? "which is all that it may have" : nil,
        ].compactMap { $0 }.joined(separator: ", ")
    }
}

extension RecordingContent {
    /// `3m12, 4,120 facts, 310 messages, 120 dialogues, 1.2 MiB`
    fileprivate var words: String {
        guard let begins, let ends else { return "nothing yet" }
        return [
            Format.age(milliseconds: ends.since(begins)), Format.plural(self.facts, "fact"),
            Format.plural(self.messages.count, "message"), Format.plural(self.dialogues.count, "dialogue"),
            Format.octetsLong(self.octets),
        ].joined(separator: ", ")
    }
}
