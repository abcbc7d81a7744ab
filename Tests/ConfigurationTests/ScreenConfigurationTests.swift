import Screen
import Testing

@testable import hoptop

@Suite("the screen in the configuration file")
struct ScreenConfigurationTests {
    private func mistakes(_ text: String, where counts: (String) -> Bool = { _ in true }) -> [String] {
        do {
            _ = try ConfigurationFile.read(text: text, file: "hoptop.toml", where: counts)
            return []
        } catch { return error.mistakes.map(\.description) }
    }

    @Test("keys are read, for everywhere and for one place, and written so that they read back equal")
    func keys() throws {
        let text = """
            [screen]
            mouse = true
            clipboard = true
            [keys]
            retry = "F7"
            freeze = ["=", "Ctrl-F"]
            [keys.in-queue]
            filter = "x"
            """
        let whole = try ConfigurationFile.read(text: text, file: "x")
        #expect(whole.screen.usesMouse)
        #expect(whole.screen.usesClipboard)
        #expect(whole.screen.keymap[Keymap.Name("retry")] == [.function(7)])
        #expect(whole.screen.keymap[Keymap.Name("freeze")] == ["=", .control("f")])
        #expect(whole.screen.keymap[Keymap.Name("filter", in: "queue")] == ["x"])
        #expect(try ConfigurationFile.read(text: ConfigurationFile.text(of: whole), file: "x") == whole)
    }

    @Test("a name that is near to one is asked back, a key that is none is told, with the line")
    func refused() {
        #expect(
            self.mistakes("[keys]\nretri = \"r\"\n")
                == ["hoptop.toml:2: keys.retri: is no key; did you mean keys.retry?"])
        #expect(self.mistakes("[keys]\n\nretry = \"F13\"\n").first?.hasPrefix("hoptop.toml:3: keys.retry: ") == true)
        #expect(self.mistakes("[keys.in-queue]\nfiltre = \"x\"\n").first?.contains("keys.in-queue.filter?") == true)
    }

    @Test("a key that a terminal sends as another one is refused, with the reason")
    func sentAsAnother() {
        for (key, other) in [("Ctrl-I", "Tab"), ("ctrl-m", "Enter"), ("Ctrl-J", "Enter"), ("Ctrl-H", "Backspace")] {
            let said = self.mistakes("[keys]\nretry = [\"F7\", \"\(key)\"]\n")
            #expect(said.count == 1 && said[0].hasSuffix(" from \(other): take another key"), "\(said)")
        }
        #expect(
            self.mistakes("[keys]\nhold = [\"x\", 5]\n").first?.contains("allowed: a key such as") == true)
    }

    @Test("one key for two commands is refused, with the line of the one that was chosen")
    func duplicates() {
        #expect(
            self.mistakes("[keys.in-queue]\nretry = \"f\"\n")
                == ["hoptop.toml:2: keys.in-queue.retry: f is filter already: give that another key"])
        let both = self.mistakes("[keys]\nretry = \"F9\"\nhold = \"F9\"\n")
        #expect(both.count == 2)
        #expect(both.allSatisfy { $0.contains("F9 is ") })
    }

    @Test("a screen of elsewhere minds only what is said of screens")
    func elsewhere() throws {
        let text = "hostname = 7\n[keys]\nretry = \"F9\"\n"
        let screen = try ConfigurationFile.read(text: text, file: "x", where: { $0.hasPrefix("keys.") }).screen
        #expect(screen.keymap[Keymap.Name("retry")] == [.function(9)])
        #expect(self.mistakes(text).count == 1)
        #expect(self.mistakes("[keys]\nretri = \"r\"\n", where: { $0.hasPrefix("keys.") }).count == 1)
    }
}
