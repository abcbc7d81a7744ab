import Mail
import SMTP

/// The command line of `sendmail` as programs have called it for forty years: options as getopt(3) reads them, then
/// recipients. What means nothing to a relay is read past, as Postfix does.
struct SendmailArguments: Equatable {
    enum Mode: Equatable {
        case submit
        /// SMTP on standard input and output (`-bs`).
        case smtp
        /// What is queued (`-bp`, `mailq`).
        case queue
        /// Mail for a domain, or all mail, is tried now (`-q`).
        case retry(domain: String?)
        /// `-bi`, `newaliases`: there are no aliases to be made.
        case aliases
        case help
    }

    var mode = Mode.submit
    var configuration: String?
    /// `nil`: the user who calls; `.some(nil)`: the null reverse-path.
    var sender: AddressList.Address??
    var fullName: String?
    var recipients: [AddressList.Address] = []
    /// Recipients are read from the header too (`-t`).
    var readsHeader = false
    /// A line with nothing but a dot does not end the message (`-i`).
    var ignoresDots = false
    /// NOTIFY, RET and ENVID (RFC 3461).
    var notify: String?
    var returned: String?
    var envelopeID: String?

    /// Options that come with a value and mean nothing here.
    private static let ignoredWithValue: Set<Character> = ["h", "L", "O", "X", "p"]
    /// Options of one letter that mean nothing here.
    private static let ignored: Set<Character> = ["G", "m", "n", "U", "v"]

    init() {}

    init(_ arguments: [String]) throws(SendmailFailure) {
        var rest = arguments[...]
        while let argument = rest.first, argument.hasPrefix("-"), argument != "-" {
            rest.removeFirst()
            if argument == "--" { break }
            if argument == "--help" {
                self.mode = .help
                return
            }
            try self.read(argument.dropFirst(), &rest)
        }
        for argument in rest {
            let list = AddressList(argument)
            if let malformed = list.malformed.first {
                throw SendmailFailure(.usage, "\(malformed) is no address")
            }
            self.recipients += list.addresses
        }
    }

    /// A group of options: `-ti`, `-fann@example.net`.
    private mutating func read(
        _ group: Substring, _ rest: inout ArraySlice<String>
    ) throws(SendmailFailure) {
        var group = group
        while let letter = group.popFirst() {
            func value() throws(SendmailFailure) -> String {
                if !group.isEmpty {
                    defer { group = "" }
                    return String(group)
                }
                guard let next = rest.popFirst() else { throw SendmailFailure(.usage, "-\(letter) needs a value") }
                return next
            }
            /// A value that has to stand right behind the letter.
            func attached() -> String {
                defer { group = "" }
                return String(group)
            }
            switch letter {
            case "t": self.readsHeader = true
            case "i": self.ignoresDots = true
            case "o": try self.readOption(try value(), &rest)
            case "b": try self.readMode(try value())
            case "q": try self.readRetry(attached())
            case "f", "r": self.sender = .some(try Self.sender(try value()))
            case "F": self.fullName = try value()
            case "C": self.configuration = try value()
            case "I": self.mode = .aliases
            case "A", "e", "d": _ = attached()
            case "B":
                let body = try value()
                guard ["7BIT", "8BITMIME"].contains(body.uppercased()) else {
                    throw SendmailFailure(.usage, "-B \(body): there are 7BIT and 8BITMIME")
                }
            case "N": self.notify = try Self.notify(try value())
            case "R":
                let part = try value().uppercased()
                guard ["FULL", "HDRS"].contains(part) else {
                    throw SendmailFailure(.usage, "-R \(part): there are full and hdrs")
                }
                self.returned = part
            case "V":
                let id = try value()
                guard (1...100).contains(XText.encode(id).utf8.count) else {
                    throw SendmailFailure(.usage, "-V takes 1 to 100 octets")
                }
                self.envelopeID = id
            case _ where Self.ignoredWithValue.contains(letter): _ = try value()
            case _ where Self.ignored.contains(letter): break
            default: throw SendmailFailure(.usage, "-\(letter) is no option; see hoptop sendmail --help")
            }
        }
    }

    /// `-oi`, `-oem`; in some, as `-oA file`, the value stands apart.
    private mutating func readOption(_ option: String, _ rest: inout ArraySlice<String>) throws(SendmailFailure) {
        if option == "i" { self.ignoresDots = true }
        if option == "A", rest.popFirst() == nil { throw SendmailFailure(.usage, "-oA needs a value") }
    }

    private mutating func readMode(_ mode: String) throws(SendmailFailure) {
        switch mode {
        case "m": self.mode = .submit
        case "s": self.mode = .smtp
        case "p": self.mode = .queue
        case "i": self.mode = .aliases
        case "d", "D": throw SendmailFailure(.usage, "-b\(mode): the relay is started with hoptop serve")
        default: throw SendmailFailure(.usage, "-b\(mode) is not known here; there are -bm, -bs, -bp and -bi")
        }
    }

    private mutating func readRetry(_ what: String) throws(SendmailFailure) {
        if what.isEmpty {
            self.mode = .retry(domain: nil)
        } else if what.hasPrefix("R") || what.hasPrefix("S") {
            let domain = what.dropFirst().drop { $0 == "@" }
            guard what.hasPrefix("R"), (try? Domain(parsing: String(domain))) != nil else {
                throw SendmailFailure(.usage, "-q\(what): only mail for a domain can be named, as in -qRexample.org")
            }
            self.mode = .retry(domain: String(domain))
        } else if what.first?.isNumber == true {
            throw SendmailFailure(.usage, "-q\(what): a running relay tries by itself; -q alone has it try now")
        } else {
            throw SendmailFailure(.usage, "-q\(what) is not known here; there are -q and -qRDOMAIN")
        }
    }

    private static func sender(_ text: String) throws(SendmailFailure) -> AddressList.Address? {
        let list = AddressList(text)
        guard list.malformed.isEmpty, list.addresses.count <= 1 else {
            throw SendmailFailure(.usage, "-f \(text) is no address")
        }
        return list.addresses.first
    }

    private static func notify(_ text: String) throws(SendmailFailure) -> String {
        let words = text.uppercased().split(separator: ",").map { $0.filter { $0 != " " } }
        guard !words.isEmpty,
            words == ["NEVER"] || words.allSatisfy({ ["SUCCESS", "FAILURE", "DELAY"].contains($0) })
        else { throw SendmailFailure(.usage, "-N \(text): there are never, or success, failure and delay") }
        return words.joined(separator: ",")
    }
}
