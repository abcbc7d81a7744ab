public import ArgumentParser
import Foundation
import Mail
import Recording
import Relay
public import Screen
import Synchronization
import Terminal

extension ColourDepth.Choice: ExpressibleByArgument {}

/// How the screen looks.
struct ScreenCommandOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Colours: a name, or the path of a theme file.", valueName: "theme"))
    var theme: String?
    @Flag(help: "Draw with ASCII only.")
    var ascii = false
    @Flag(help: "No frames, graphs and bars, for screen readers.")
    var plain = false
    @Option(help: "Colours; auto heeds NO_COLOR.")
    var color = ColourDepth.Choice.auto
    @Option(help: "Without it nothing is painted while nothing happens.")
    var clock = Clock.on

    @Flag(help: "The mouse selects, opens and scrolls.")
    var mouse = false

    enum Clock: String, ExpressibleByArgument, CaseIterable { case on, off }

    static func requireTerminal(_ advice: String) throws {
        guard Terminal.isThere else { throw Failure("stdin and stdout are no terminal: \(advice)") }
        do { try Terminal.check(environment: ProcessInfo.processInfo.environment) } catch { throw Failure(error) }
    }

    static var userName: String { NSUserName() }

    /// - Parameter configuration: of the relay that the screen belongs to; `nil`: it comes from elsewhere, and the keys are
    ///   those of the file that a relay of this user would use.
    func options(_ configuration: ScreenConfiguration? = nil) throws -> ScreenOptions {
        let configuration = try configuration ?? Self.configuration()
        let environment = ProcessInfo.processInfo.environment
        var options = ScreenOptions { .now }
        options.showsClock = self.clock == .on
        options.isASCII = self.ascii || !Terminal.isUnicode
        options.isPlain = self.plain
        options.colours = self.color
        options.usesMouse = self.mouse || configuration.usesMouse
        options.usesClipboard = configuration.usesClipboard
        options.keymap = configuration.keymap
        options.themes = Self.themes
        options.write = { try await NewFile.write(Self.expanded($0, environment), $1) }
        options.record = { try await Recorder.record($0, to: Self.expanded($1, environment)) }
        let habits = HabitsFile(environment: environment)
        options.keepHabits = { try habits.change($0) }
        do { options.habits = try habits.read() } catch { options.remark = "\(error)" }
        let name = self.theme ?? environment["HOPTOP_THEME"].flatMap { $0.isEmpty ? nil : $0 }
        do { if let name { options.use(try options.themes.load(name)) } } catch { throw Failure(error) }
        return options
    }

    /// As in a shell, `~/` is the user's own folder.
    static func expanded(_ path: String, _ environment: [String: String]) -> String {
        guard path.hasPrefix("~/"), let home = environment["HOME"] else { return path }
        return home + path.dropFirst()
    }

    /// What else is wrong in the file is for who runs the relay; and a file that only that one may read is no loss.
    private static func configuration() throws -> ScreenConfiguration {
        let files = ConfigurationFile.defaultPaths(environment: ProcessInfo.processInfo.environment)
        guard let file = files.first(where: FileManager.default.isReadableFile) else { return ScreenConfiguration() }
        let text = try EngineOptions.text(of: file)
        do {
            return try ConfigurationFile.read(
                text: text, file: file, where: { $0.hasPrefix("keys.") || $0.hasPrefix("screen.") }
            ).screen
        } catch { throw Failure(error) }
    }

    static var themes: ThemeLibrary {
        ThemeLibrary(searchPaths: self.themeFolders(ProcessInfo.processInfo.environment))
    }

    /// The user's own, those installed beside the program, those of the package.
    private static func themeFolders(_ environment: [String: String]) -> [URL] {
        let home = environment["HOME"] ?? "/root"
        let own = environment["XDG_CONFIG_HOME"].flatMap { $0.isEmpty ? nil : $0 } ?? "\(home)/.config"
        let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        var folders = [
            URL(fileURLWithPath: "\(own)/hoptop/themes"),
            program.deletingLastPathComponent().appendingPathComponent("share/hoptop/themes"),
        ]
        // Built in its package, the program lies some folders below Themes/.
        var folder = program
        for _ in 0..<4 {
            folder.deleteLastPathComponent()
            folders.append(folder.appendingPathComponent("Themes"))
        }
        return folders
    }

    @discardableResult
    static func show(_ feeds: [FeedEntry], _ options: ScreenOptions) async throws -> Terminal.End {
        do {
            let screen = Screen(feeds: feeds, options: options)
            let end = try await Terminal(
                screen, environment: ProcessInfo.processInfo.environment, colours: options.colours,
                usesMouse: options.usesMouse
            ).run()
            await Self.finishRecording(of: screen)
            return end
        } catch {
            throw Failure(error)
        }
    }

    /// For so long a recording may go on asking nodes once more that may not answer, when that was said.
    private static let patience = Duration.seconds(4)

    /// Says what came of what was still being recorded. What was seen is in the file by then; only what is asked last may lack.
    private static func finishRecording(of screen: Screen) async {
        guard let path = await screen.recordingPath else { return }
        let (endings, telling) = AsyncStream<String>.makeStream()
        Task {
            if let words = await screen.finishRecording() { telling.yield(words) }
            telling.finish()
        }
        let waiting = Task {
            try await Task.sleep(for: .seconds(1))
            print("waiting for the last moment of \(path); q: end now")
            try await Task.sleep(for: Self.patience)
            telling.finish()
        }
        let told = Mutex<String?>(nil)
        _ = await Departure.waitForEnd { for await words in endings { told.withLock { $0 = words } } }
        waiting.cancel()
        print(told.withLock { $0 } ?? "recorded: \(path), but for its last moment; hoptop replay shows it")
    }
}
