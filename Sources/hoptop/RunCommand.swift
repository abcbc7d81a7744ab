import ArgumentParser

struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "The engine and its screen in this terminal (the default).")

    @OptionGroup var engine: EngineOptions

    func run() async throws {}
}
