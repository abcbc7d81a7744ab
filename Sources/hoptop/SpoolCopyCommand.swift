import ArgumentParser
import Foundation
import Monitor
import NIOPosix
import Relay
import Spool

/// `hoptop spool copy`
struct SpoolCopyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "copy", abstract: "Copy the queue from one spool into another, a directory or a database.",
        discussion: """
            No relay may have either of them open. What is queued goes with all that is known of it, and so do the standing \
            rules; each message is compared when it is there. The source stays as it was: do not start a relay on both. The \
            journal is not in the spool, and goes on where it is. Broken off, it can be done again: what is there already \
            is passed over. The exit status is 0 when everything was copied, else 1.

            EXAMPLE
              hoptop spool copy /var/lib/hoptop postgresql://hoptop@db.example.net/hoptop
            """)
    @Argument(help: "A spool's directory, or a database's address.")
    var from: String
    @Argument(help: "Where to; made where it is not there.")
    var to: String

    func run() async throws {
        let threads = NIOThreadPool(numberOfThreads: 2)
        threads.start()
        defer { threads.shutdownGracefully { _ in } }
        let (from, to) = (try Place(self.from), try Place(self.to))
        try from.mustExist()
        guard !from.is(to) else { throw Failure("it is copied into another spool: \(self.to) is the same one") }
        let report: SpoolTransfer.Report
        do {
            let source = try from.open(threads)
            do {
                try await Self.checkAlone(source)
                let target = try to.open(threads)
                do {
                    defer { ProgressLine.clear() }
                    let loop = MultiThreadedEventLoopGroup.singleton.next()
                    report = try await SpoolTransfer(from: source, to: target, threads: threads, loop: loop)
                        .run { ProgressLine.show("messages", done: $0, total: 0) }
                } catch {
                    await target.close()
                    throw error
                }
                await target.close()
            } catch {
                await source.close()
                throw error
            }
            await source.close()
        } catch { throw Failure(error) }
        for message in report.damaged { print(SafeText("damaged \(message.message): \(message.reason)")) }
        if report.present > 0 { print("\(Format.plural(report.present, "message")) had been copied before") }
        if report.settled > 0 { print("\(report.settled) messages with nobody left to deliver to were left behind") }
        print(
            "copied \(Format.plural(report.copied, "message")) and \(Format.plural(report.rules, "standing rule")), "
                + "\(report.damaged.count) damaged")
        if !report.damaged.isEmpty { throw ExitCode(1) }
    }

    /// What other nodes do meanwhile would be missing from the copy.
    private static func checkAlone(_ source: any Spool) async throws {
        guard let fleet = source.fleet else { return }
        let others = try await fleet.nodes().filter { node in
            node.node != fleet.node && [.up, .draining, .silent].contains(node.state)
        }
        guard let other = others.first else { return }
        throw Failure("node \(other.node) (\(other.name)) works on the source: stop it first")
    }

    private enum Place {
        case directory(String)
        case database(DatabaseAddress)

        init(_ text: String) throws {
            guard text.contains("://") else {
                self = .directory(text)
                return
            }
            guard let address = DatabaseAddress(text) else {
                throw Failure("that is no address of a database without a password, such as postgresql:///hoptop")
            }
            self = .database(address)
        }

        func `is`(_ other: Place) -> Bool {
            switch (self, other) {
            case (.directory(let path), .directory(let other)):
                URL(fileURLWithPath: path).resolvingSymlinksInPath()
                    == URL(fileURLWithPath: other).resolvingSymlinksInPath()
            case (.database(let address), .database(let other)): address == other
            default: false
            }
        }

        /// A spool that is not there would be made.
        func mustExist() throws {
            guard case .directory(let path) = self, !FileManager.default.fileExists(atPath: path + "/spool.sqlite")
            else { return }
            throw Failure("\(path) is no spool: it has no spool.sqlite")
        }

        func open(_ threads: NIOThreadPool) throws(SpoolError) -> any Spool {
            switch self {
            case .directory(let path): try SQLiteSpool(directory: path, threads: threads)
            case .database(let address): try PostgreSQLSpool(address, name: "hoptop spool copy", isCourier: true)
            }
        }
    }
}
