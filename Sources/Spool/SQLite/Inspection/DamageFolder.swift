import Foundation
import Mail

/// Where a repair puts what it could not keep in the spool, for somebody to look at.
struct DamageFolder {
    private let directory: SpoolDirectory
    /// `damaged-20261125-043000`, in the spool's directory.
    let name: String
    var path: String { "\(self.directory.path)/\(self.name)" }
    /// Files of the spool that have a second name here.
    private let kept = Kept()
    private final class Kept { var paths: [String] = [] }

    init(in directory: SpoolDirectory, at now: Timestamp) throws {
        self.directory = directory
        let digits = now.rfc3339.prefix(19).filter(\.isNumber)
        let name = "damaged-\(digits.prefix(8))-\(digits.suffix(6))"
        // Two repairs within a second.
        let names = [name] + (2...99).map { "\(name)-\($0)" }
        guard let free = names.first(where: { mkdir("\(directory.path)/\($0)", 0o700) == 0 }) else {
            throw FileError(errno)
        }
        self.name = free
    }

    /// Gives a file of the spool, where there is one, a second name here.
    func keep(_ file: String, as name: String? = nil) throws {
        let target = "\(self.path)/\(name ?? URL(fileURLWithPath: file).lastPathComponent)"
        guard link(file, target) == 0 || errno == ENOENT else { throw FileError(errno) }
        try? self.directory.sync(target)
    }

    /// What is left of its content, and what is known of it.
    func keep(_ message: SpoolReport.DamagedMessage, content: Data?) throws {
        if let content {
            try self.write(content, to: "\(message.id).eml")
        } else {
            let file = self.directory.content(message.id)
            try self.keep(file, as: "\(message.id).eml")
            self.kept.paths.append(file)
        }
        try self.write(Data(message.text.utf8), to: "\(message.id).txt")
    }

    /// A file that no row names may be the content of a row that is lost, where the database is damaged.
    func keepFiles(_ files: [String]) throws {
        for file in files where file.hasPrefix("content/") {
            let path = "\(self.directory.path)/\(file)"
            try self.keep(path, as: "\(URL(fileURLWithPath: file).lastPathComponent).eml")
            self.kept.paths.append(path)
        }
    }

    func describe(_ report: SpoolReport) throws {
        let text = """
            hoptop spool repair put here what it could not keep in \(self.directory.path).

            spool.sqlite    the database as it was; with spool.sqlite-wal, if that is here
            ID.txt          what is known of a message, and what is wrong with it
            ID.eml          what is left of its content, with our Received field

            Nothing of this is sent any more. To send a message after all, give its content to the relay again
            (swaks --data @ID.eml). When nothing here is needed, remove the folder.

            What SQLite said of the database:
            \(report.database.isEmpty ? "nothing: it is sound" : report.database.joined(separator: "\n"))

            """
        try self.write(Data(text.utf8), to: "README.txt")
    }

    private func write(_ octets: Data, to name: String) throws {
        let target = "\(self.path)/\(name)"
        try octets.write(to: URL(fileURLWithPath: target), options: .withoutOverwriting)
        try self.directory.sync(target)
    }

    func sync() throws { try self.directory.sync(self.path) }

    /// After a repair that failed, while the spool still has all that is here.
    func removeUnlessNeeded() {
        guard access("\(self.path)/spool.sqlite", F_OK) != 0 else { return }
        try? FileManager.default.removeItem(atPath: self.path)
    }

    /// Takes away the spool's names of what is here.
    func removeKept() { for path in self.kept.paths { unlink(path) } }
}

extension SpoolReport.DamagedMessage {
    fileprivate var text: String {
        """
        message:  \(self.id)
        damage:   \(self.reason)
        arrived:  \(self.arrived?.rfc3339 ?? "unknown")
        from:     \(self.from ?? "unknown")
        to:       \(self.to.isEmpty ? "unknown" : self.to.joined(separator: ", "))

        """
    }
}
