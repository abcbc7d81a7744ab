import ArgumentParser
import Foundation
import Glibc
import Screen
import Terminal

struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo", abstract: "Watch five relays hand on real mail, all on this machine.",
        discussion: """
            Relays A, D, P, U and Z run in this process, each a full engine with its own spool and port on loopback. A \
            plain SMTP client sends to A; mail goes along source routes (A, D, P, U, Z) or straight, and ends in \
            mailboxes behind Z, some of which are slow, greylist or do not exist; mail.example is found by its MX. P goes \
            down now and then. The screen shows the map of all; 1 shows A, > the next relay, and :node all shows them as one.

            EXAMPLES
              hoptop demo --rate 5
              hoptop demo --headless 20 --seed 7   no screen; says what became of it
            """)

    @Option(help: ArgumentHelp("Messages a second.", valueName: "number"))
    var rate: Double = 2
    @Option(help: ArgumentHelp("Makes the traffic the same each time.", valueName: "number"))
    var seed: UInt64?
    @Option(help: ArgumentHelp("Run so long without a screen, then print a summary.", valueName: "seconds"))
    var headless: Double?
    @OptionGroup var look: ScreenCommandOptions

    func validate() throws {
        guard self.rate > 0, self.rate <= 1000 else {
            throw ValidationError("--rate is a number above 0, at most 1000")
        }
        guard self.headless.map({ $0 > 0 && $0 <= 86_400 }) ?? true else {
            throw ValidationError("--headless is a number of seconds above 0, at most 86400")
        }
    }

    func run() async throws {
        if self.headless == nil {
            try ScreenCommandOptions.requireTerminal("use hoptop demo --headless SECONDS")
        }
        var options = try self.look.options()
        options.view = "map"
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("hoptop-demo-\(getpid())")
        defer { try? FileManager.default.removeItem(at: folder) }
        do { try Departure.listen() } catch { throw Failure(error) }
        let seed = self.seed ?? UInt64.random(in: 0..<1_000_000)
        let ledger = Ledger()
        let chain = try await DemoChain.start(in: folder.path, ledger: ledger)
        let traffic = Traffic(to: try chain.entrance, rate: self.rate, seed: seed, ledger: ledger)
        let running = Task {
            await withTaskGroup { group in
                group.addTask { await traffic.run() }
                group.addTask { await chain.outages() }
            }
        }
        let isOver: Bool
        if let seconds = self.headless {
            let watching = Task { await self.watch(seconds, ledger) }
            _ = await Departure.wait { await watching.value }
            watching.cancel()
            running.cancel()
            isOver = await Departure.wait { await Self.stop(chain, running, within: 5) }
        } else {
            do {
                try await ScreenCommandOptions.show(chain.feeds + [.all(chain.feeds)], options)
            } catch {
                running.cancel()
                await Self.stop(chain, running, within: 1)
                throw error
            }
            running.cancel()
            let sessions = await chain.openSessions
            if sessions > 0 { print("waiting a second for open sessions (\(sessions)) to end; q: end now") }
            // Nobody waits for the demo's mail, and its slow readers would take half a minute.
            isOver = await Departure.waitForEnd { await Self.stop(chain, running, within: 1) }
        }
        if !isOver {
            try? FileManager.default.removeItem(at: folder)
            Hoptop.endNow()
        }
        guard self.headless != nil else { return }
        let summary = ledger.summary(queued: try await chain.queued())
        print("seed: \(seed)\n\(summary)")
        if !summary.addsUp { throw ExitCode(1) }
    }

    private static func stop(_ chain: DemoChain, _ running: Task<Void, Never>, within seconds: Int64) async {
        await running.value
        await chain.stop(within: seconds)
    }

    /// Says how it goes on a terminal's stderr.
    private func watch(_ seconds: Double, _ ledger: Ledger) async {
        let end = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < end {
            let left = end - ContinuousClock.now
            guard (try? await Task.sleep(for: min(left, .seconds(1)))) != nil else { break }
            guard isatty(STDERR_FILENO) == 1 else { continue }
            let rest = max(0, Int((end - ContinuousClock.now) / .seconds(1)))
            writeToStandardError("\r\(ledger.progress), \(rest) s left \u{1B}[K")
        }
        if isatty(STDERR_FILENO) == 1 { writeToStandardError("\r\u{1B}[K") }
    }
}
