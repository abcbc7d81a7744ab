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
        // The kernel knows whose socket it is.
        guard let socket = Self.places(control).first(where: { LocalSocket.listener(at: $0) == owner }) else {
            return nil
        }
        self.process = owner
        self.socket = socket
    }

    /// - Returns: the relay that listens where this configuration says; `nil`: none does.
    init?(of control: ControlConfiguration) {
        for place in Self.places(control) {
            guard let owner = LocalSocket.listener(at: place) else { continue }
            self.process = owner
            self.socket = place
            return
        }
        return nil
    }

    private static func places(_ control: ControlConfiguration) -> [String] {
        let usual = ControlSocket.candidates(environment: ProcessInfo.processInfo.environment)
        if case .path(let path) = control.socket { return [path] + usual }
        return usual
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
