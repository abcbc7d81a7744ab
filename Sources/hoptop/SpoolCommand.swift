import ArgumentParser
import Glibc
import Mail
import Monitor
import Relay
import Spool

struct SpoolCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "spool", abstract: "Check, repair, copy or bring forward a spool that no relay has open.",
        subcommands: [Check.self, Repair.self, SpoolCopyCommand.self, SpoolMigrateCommand.self])

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Read all of the spool, and name what is not as it was written.",
            discussion: """
                Changes nothing. Refuses while a relay has the spool open. The exit status is 0 when everything is sound, \
                else 1.

                EXAMPLE
                  hoptop spool check --spool /var/spool/hoptop
                """)
        @OptionGroup var engine: EngineOptions

        func run() throws {
            let directory = try self.engine.configuration().spoolFiles(for: "hoptop spool check")
            let report = try SpoolCommand.inspect(directory) { try $0.check(progress: ProgressLine.show) }
            SpoolCommand.tell(report, of: directory)
            guard report.isSound else {
                print("hoptop spool repair keeps what can be read, and moves the rest aside")
                throw ExitCode(1)
            }
        }
    }

    struct Repair: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a sound spool of what can be read, and move the rest aside.",
            discussion: """
                Deletes no mail: the old database, what is left of each damaged message and what is known of it go into a \
                folder damaged-TIME in the spool. A sound spool is left as it is. Needs as much room again as the database \
                has. Refuses while a relay has the spool open.

                EXAMPLE
                  hoptop spool repair --spool /var/spool/hoptop
                """)
        @OptionGroup var engine: EngineOptions

        func run() throws {
            let directory = try self.engine.configuration().spoolFiles(for: "hoptop spool repair")
            let repair = try SpoolCommand.inspect(directory) { try $0.repair(at: .now, progress: ProgressLine.show) }
            SpoolCommand.tell(repair.report, of: directory)
            guard let folder = repair.folder else { return print("nothing was changed") }
            print("kept \(repair.report.messages) messages and \(repair.facts) facts")
            print("moved aside \(repair.report.damaged.count) messages and the old database: see \(folder)/README.txt")
        }
    }

    private static func inspect<Result>(
        _ directory: String, _ body: (SpoolInspection) throws -> Result
    ) throws -> Result {
        defer { ProgressLine.clear() }
        do { return try body(SpoolInspection(directory: directory)) } catch { throw Failure(error) }
    }

    private static func tell(_ report: SpoolReport, of directory: String) {
        for message in report.damaged {
            let to = message.to.isEmpty ? "unknown" : message.to.joined(separator: ",")
            print(SafeText("damaged \(message.id) from=\(message.from ?? "unknown") to=\(to): \(message.reason)"))
        }
        for problem in report.database { print(SafeText("database: \(problem)")) }
        for file in report.leftOver { print(SafeText("left over: \(file) (no message names it)")) }
        let verdict = report.isSound ? "sound" : "DAMAGED"
        print("\(directory): \(verdict), \(report.messages) messages, \(report.damaged.count) damaged")
    }
}

/// How far a long work is, on a line of a terminal that is written again and again.
enum ProgressLine {
    static func show(_ work: String, done: Int, total: Int) {
        guard isatty(STDERR_FILENO) == 1 else { return }
        writeToStandardError("\r\u{1B}[Kreading \(work)\(total > 0 ? ": \(done) of \(total)" : "")")
    }
    static func clear() {
        if isatty(STDERR_FILENO) == 1 { writeToStandardError("\r\u{1B}[K") }
    }
}
