import Foundation
import Screen

/// The file where screens keep what their operator made their own: JSON that only they can read.
struct HabitsFile {
    let path: String

    init(environment: [String: String]) {
        let home = environment["HOME"] ?? "/root"
        let state = environment["XDG_STATE_HOME"].flatMap { $0.isEmpty ? nil : $0 } ?? "\(home)/.local/state"
        self.path = "\(state)/hoptop-screen.json"
    }

    /// - Throws: ``Failure`` where it is there and cannot be read; nothing is written over it then.
    func read() throws(Failure) -> Habits {
        guard let data = FileManager.default.contents(atPath: self.path) else { return Habits() }
        return try self.habits(data)
    }

    func change(_ change: @Sendable (inout Habits) -> Void) throws(Failure) -> Habits {
        let folder = URL(fileURLWithPath: self.path).deletingLastPathComponent()
        do {
            try FileManager.default.createDirectory(
                at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw Failure("\(folder.path) cannot be made: filters and columns are kept until this screen ends")
        }
        var habits = Habits()
        try PrivateFile.change(self.path) { text throws(Failure) in
            if !text.isEmpty { habits = try self.habits(Data(text.utf8)) }
            change(&habits)
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
            guard let data = try? encoder.encode(habits) else { throw Failure("\(self.path) cannot be written") }
            return String(decoding: data, as: UTF8.self) + "\n"
        }
        return habits
    }

    private func habits(_ data: Data) throws(Failure) -> Habits {
        guard let habits = try? JSONDecoder().decode(Habits.self, from: data) else {
            throw Failure("\(self.path) is not what it was written as: mend it or move it away")
        }
        return habits
    }
}
