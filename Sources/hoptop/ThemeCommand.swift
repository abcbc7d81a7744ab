import ArgumentParser
import Foundation
import Monitor
import Screen

struct ThemeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "theme",
        abstract: "The colours of the screen: which there are, how they look, what is wrong with them.",
        discussion: """
            A theme is a TOML file in ~/.config/hoptop/themes, or one that comes with hoptop. dark+prod puts what prod says \
            over dark.

            EXAMPLES
              hoptop theme list
              hoptop theme show light
              hoptop theme lint ./mine.toml
            """,
        subcommands: [List.self, Show.self, Lint.self])

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "The themes there are, and where each is.")
        func run() throws {
            let output = Output.standard
            let themes = ScreenCommandOptions.themes
            for name in themes.names {
                do {
                    let loaded = try themes.load(name)
                    output.lines([
                        [
                            Run(name.padded(16), .title), Run("\(loaded.theme.mode.rawValue.padded(6)) "),
                            Run(loaded.file, .muted),
                        ]
                    ])
                } catch {
                    output.lines([[Run(name.padded(16), .title), Run("\(error)", .failed)]])
                }
            }
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Each role of a theme as it looks on this terminal.",
            discussion: "EXAMPLE\n  hoptop theme show deuteranopia")
        @Argument(help: "A name, or the path of a theme file.")
        var name = "ansi"

        func run() throws {
            let loaded = try ThemeCommand.load(self.name)
            Output.standard.themed(loaded.theme).lines(
                Role.allCases.map { role in [Run(role.rawValue.padded(20), .base), Run("4Q7K mx.example.org", role)] })
        }
    }

    struct Lint: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Measure contrast, and whether the colour-blind can tell states apart.",
            discussion: """
                Contrast is that of WCAG 2.2: 4.5 to 1 for words, or what min_contrast says, and 3 to 1 for lines and what is \
                beside the point. Colours of states are looked at as people with protanopia, deuteranopia and tritanopia \
                see them (Machado, Oliveira and Fernandes, 2009), and must be 15 apart (CIE 1976 L*a*b*) or differ by an \
                attribute. Colours of the sixteen are the terminal's own, and not measured.

                The exit status is 1 when there is something to be mended, with file, role and figure.

                EXAMPLES
                  hoptop theme lint
                  hoptop theme lint ./mine.toml
                """)
        @Argument(help: "Names, or paths of theme files; all there are without one.")
        var names: [String] = []

        func run() throws {
            let output = Output.standard
            var isClean = true
            for name in self.names.isEmpty ? ScreenCommandOptions.themes.names : self.names {
                let findings = ThemeLint.findings(try ThemeCommand.load(name))
                for finding in findings { output.line("\(finding)", .failed) }
                if findings.isEmpty { output.line("\(name): ok", .ok) } else { isClean = false }
            }
            guard isClean else { throw ExitCode(CommandStatus.failed.rawValue) }
        }
    }

    private static func load(_ name: String) throws -> ThemeLibrary.Loaded {
        do { return try ScreenCommandOptions.themes.load(name) } catch { throw Failure(error) }
    }
}
