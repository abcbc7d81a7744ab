import Cases
import Foundation

/// Runs a case for so many steps, and measures nothing itself: `Steps --list`, `Steps NAME COUNT`.
@main struct Steps {
    static func main() throws {
        let arguments = CommandLine.arguments.dropFirst()
        if arguments == ["--list"] {
            for known in Case.all { print(known.name, known.unit, known.units, known.steps, separator: "\t") }
        } else if arguments.count == 2, let known = Case.all.first(where: { $0.name == arguments.first }),
            let count = arguments.last.flatMap({ Int($0) })
        {
            let step = try known.prepare()
            for _ in 0..<count { try step() }
        } else {
            FileHandle.standardError.write(Data("usage: Steps --list | Steps NAME COUNT\n".utf8))
            exit(2)
        }
    }
}
