public import ArgumentParser
import Foundation
import Mail
public import Screen
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

    enum Clock: String, ExpressibleByArgument, CaseIterable { case on, off }

    static func requireTerminal(_ advice: String) throws {
        guard Terminal.isThere else { throw Failure("stdin and stdout are no terminal: \(advice)") }
        do { try Terminal.check(environment: ProcessInfo.processInfo.environment) } catch { throw Failure(error) }
    }

    static var userName: String { NSUserName() }

    func options() throws -> ScreenOptions {
        let environment = ProcessInfo.processInfo.environment
        var options = ScreenOptions { .now }
        options.showsClock = self.clock == .on
        options.isASCII = self.ascii || !Terminal.isUnicode
        options.isPlain = self.plain
        options.colours = self.color
        options.themes = Self.themes
        options.write = NewFile.write
        let name = self.theme ?? environment["HOPTOP_THEME"].flatMap { $0.isEmpty ? nil : $0 }
        do { if let name { options.use(try options.themes.load(name)) } } catch { throw Failure(error) }
        return options
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

    static func show(_ feeds: [FeedEntry], _ options: ScreenOptions) async throws {
        do {
            let screen = Screen(feeds: feeds, options: options)
            try await Terminal(
                screen, environment: ProcessInfo.processInfo.environment, colours: options.colours
            ).run()
        } catch {
            throw Failure(error)
        }
    }
}
