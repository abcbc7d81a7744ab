import Foundation
import NIOCore
import Relay
import SMTP
import Testing

@testable import hoptop

extension EndToEnd {
    @Suite("the program with nothing to do", .timeLimit(.minutes(3)))
    struct IdleTests {
        private let folder: TemporaryFolder
        init() throws { self.folder = try TemporaryFolder() }

        private func start(_ options: String) async throws -> (tmux: Tmux, process: pid_t) {
            try await self.start(
                command: "run --config /dev/null --hostname mx.example.net --listen 127.0.0.1:0"
                    + " --spool \(self.folder.path)/spool \(options)")
        }

        private func start(command: String) async throws -> (tmux: Tmux, process: pid_t) {
            let tmux = Tmux("sh -c \"LANG=C.UTF-8 \(Program.path) \(command); cat\"", in: self.folder)
            #expect(try await tmux.sees("accepting"))
            let process = try await tmux.program()
            tmux.tmux("pipe-pane", "cat > \(self.folder.path)/painted")
            try await Task.sleep(for: .seconds(3))  // What the start still does.
            return (tmux, process)
        }

        /// How often any thread went to sleep, and how much was painted, in that time.
        private func watch(_ process: pid_t, seconds: Int) async throws -> (wakeUps: Int, octets: Int) {
            let before = try (Self.sleeps(of: process), self.octetsPainted())
            try await Task.sleep(for: .seconds(seconds))
            let after = try (Self.sleeps(of: process), self.octetsPainted())
            // A thread that ended meanwhile counts no more.
            let wakeUps = after.0.reduce(0) { $0 + $1.value - before.0[$1.key, default: 0] }
            return (wakeUps, after.1 - before.1)
        }

        /// The same, and once more where it was more than that: what happens once in a while, as when the start still does
        /// something, or a minute begins, is not what is meant.
        private func watch(
            _ process: pid_t, seconds: Int, atMost most: (wakeUps: Int, octets: Int)
        ) async throws -> (wakeUps: Int, octets: Int) {
            var seen = try await self.watch(process, seconds: seconds)
            if seen.wakeUps > most.wakeUps || seen.octets > most.octets {
                seen = try await self.watch(process, seconds: seconds)
            }
            print("\(seen.wakeUps) wake-ups and \(seen.octets) octets in \(seconds) s")
            return seen
        }

        @Test("it wakes at most twice a second in every view, for the clock and now and then for the engine")
        func wakeUps() async throws {
            let (tmux, process) = try await self.start("")
            for view in ["1", "2", "3", "4", "5", "6"] {
                tmux.press(view)
                try await Task.sleep(for: .seconds(1))
                let seen = try await self.watch(process, seconds: 5, atMost: (10, 150))
                #expect(seen.wakeUps <= 10, "view \(view)")
                #expect(seen.octets <= 150, "view \(view)")
            }
        }

        @Test("a queue that fills the screen costs no more while it is young")
        func fullQueue() async throws {
            let (tmux, process) = try await self.start("")
            tmux.press("2")
            #expect(try await tmux.sees("send mail to"))
            let invitation = try Regex("send mail to ([0-9.:]+)")
            let words = try #require(tmux.screen.firstMatch(of: invitation))
            let server = try #require(words.output[1].substring.flatMap { SocketEndpoint(String($0)) })
            for number in 1...40 {
                let client = PlainClient(name: "client.example", server: server)
                _ = try await client.send(
                    from: "<app@shop.example>", to: [try ForwardPath(parsing: "<u\(number)@d.example>")],
                    content: PlainClient.content("<\(number)@test>", octets: 100))
            }
            #expect(try await tmux.sees("40 queued"))
            // Until then ages are told second by second.
            let young = try Regex("[^0-9][0-9]s .*app@shop")
            let isOlder = try await eventually { tmux.screen.firstMatch(of: young) == nil }
            #expect(isOlder)
            // The engine may still put in order what came, and ages of minutes change, too.
            let seen = try await self.watch(process, seconds: 10, atMost: (20, 300))
            #expect(seen.wakeUps <= 20)
            #expect(seen.octets <= 300)
        }

        @Test("without a clock it writes nothing")
        func withoutClock() async throws {
            let (tmux, process) = try await self.start("--clock off")
            #expect(try tmux.screen.firstMatch(of: Regex("[0-9]:[0-9][0-9]Z")) == nil)
            // The free space of the disk is looked at now and then.
            let seen = try await self.watch(process, seconds: 5, atMost: (3, 0))
            #expect(seen.wakeUps <= 3)
            #expect(seen.octets == 0)
        }

        /// Beside the clock's ten it is the daemon's sign of life that is read, by two threads.
        @Test("a screen that is attached wakes for its clock alone", arguments: [("", 16), ("--clock off", 6)])
        func attached(_ options: String, _ most: Int) async throws {
            let server = try Server(spool: "\(self.folder.path)/spool")
            defer { _ = server.end(with: SIGKILL) }
            let socket = "\(self.folder.path)/spool-run/hoptop/control.sock"
            let (tmux, process) = try await self.start(command: "attach --to \(socket) \(options)")
            tmux.press("2")
            try await Task.sleep(for: .seconds(1))
            let seen = try await self.watch(process, seconds: 10, atMost: (most, options.isEmpty ? 300 : 0))
            #expect(seen.wakeUps <= most)
            #expect(seen.octets <= (options.isEmpty ? 300 : 0))
        }

        private static func sleeps(of process: pid_t) throws -> [String: Int] {
            let folder = "/proc/\(process)/task"
            let threads = try FileManager.default.contentsOfDirectory(atPath: folder).map { thread in
                let status = (try? String(contentsOfFile: "\(folder)/\(thread)/status", encoding: .utf8)) ?? ""
                let words = status.split(whereSeparator: \.isWhitespace)
                let place = words.firstIndex(of: "voluntary_ctxt_switches:")
                return (thread, place.flatMap { Int(words[$0 + 1]) } ?? 0)
            }
            return Dictionary(uniqueKeysWithValues: threads)
        }

        private func octetsPainted() throws -> Int {
            try #require(FileManager.default.attributesOfItem(atPath: "\(self.folder.path)/painted")[.size] as? Int)
        }
    }
}
