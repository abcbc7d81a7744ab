import Control
import Foundation
import Glibc
import Monitor
import Screen
import Sockets
import Spool
import Terminal

/// The relay of another process that has the spool which somebody wanted to run.
struct SpoolHolder {
    private let process: pid_t
    private let socket: String

    /// - Parameter failure: of the start.
    /// - Returns: `nil` when it failed for other reasons, or whoever has the spool listens nowhere where we look.
    init?(_ failure: Failure, _ control: ControlConfiguration) {
        guard let error = failure.cause as? SpoolError, error.code == .inUse, let owner = error.owner else {
            return nil
        }
        var places = ControlSocket.candidates(environment: ProcessInfo.processInfo.environment)
        if case .path(let path) = control.socket { places.insert(path, at: 0) }
        // The kernel knows whose socket it is.
        guard let socket = places.first(where: { LocalSocket.listener(at: $0) == owner }) else { return nil }
        self.process = owner
        self.socket = socket
    }

    /// Asks on the terminal.
    func offersToAttach() async -> Bool {
        writeToStandardError("hoptop: process \(self.process) runs this relay already; attach to it? [Y/n] ")
        let answer = Answer()
        // A signal ends the question, and with it the program.
        let isAnswered = await Departure.wait { answer.read() }
        return isAnswered && answer.isYes
    }

    /// `@unchecked Sendable`: it is read by one thread, and asked when that is done.
    private final class Answer: @unchecked Sendable {
        private(set) var isYes = false
        func read() {
            guard let line = readLine()?.trimmingCharacters(in: .whitespaces).lowercased() else { return }
            self.isYes = line.isEmpty || "yes".hasPrefix(line)
        }
    }

    func attach(_ options: ScreenOptions) async throws {
        try await AttachCommand.attach([try await self.feed()], options, .locked)
    }

    func feed() async throws -> FeedEntry {
        do { return FeedEntry(name: self.socket, feed: try await RemoteFeed(.socket(self.socket))) } catch {
            throw Failure(error)
        }
    }
}
