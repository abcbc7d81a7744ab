public import ArgumentParser
public import DKIM
import Glibc
import Relay
import SMTP

extension SigningKey.Algorithm: ExpressibleByArgument {}

struct DKIMCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dkim", abstract: "Make a key that signs mail (DKIM), and show what DNS has to say of it.",
        subcommands: [Keygen.self, Record.self])

    struct Keygen: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a private key, and print the DNS record that publishes it.",
            discussion: """
                The key goes into a file that only its owner can read, and never over another; chown it to the user that the \
                relay runs as. Publish the record before you configure the key. An Ed25519 key is short, but few \
                verifiers know it: use it beside an RSA key, each with a [[dkim]] and a selector of its own.

                EXAMPLE
                  hoptop dkim keygen --domain example.org --selector mail --out mail.pem
                """)
        @Option(help: ArgumentHelp("The domain that signs.", valueName: "name"))
        var domain: String
        @Option(help: ArgumentHelp("The key's name below it: SELECTOR._domainkey.DOMAIN.", valueName: "name"))
        var selector: String
        @Option(help: ArgumentHelp("rsa (2048 bits) or ed25519.", valueName: "algorithm"))
        var algorithm = SigningKey.Algorithm.rsa
        @Option(help: ArgumentHelp("The file for the key.", valueName: "file"), completion: .file())
        var out: String

        func validate() throws {
            for (option, name) in [("--domain", self.domain), ("--selector", self.selector)] {
                guard let parsed = try? Domain(parsing: name), !parsed.isAddressLiteral else {
                    throw ValidationError("\(option) \(name) is no name as DNS has them")
                }
            }
        }

        func run() throws {
            let key: SigningKey
            do { key = try SigningKey(generating: self.algorithm) } catch { throw Failure("no key was made: \(error)") }
            try Self.write(key.pem, to: self.out)
            let signer = Signer(domain: self.domain.lowercased(), selector: self.selector.lowercased(), key: key)
            print(signer.zoneRecord, terminator: "")
        }

        private static func write(_ text: String, to path: String) throws(Failure) {
            let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR)
            guard descriptor >= 0 else {
                throw Failure(
                    errno == EEXIST
                        ? "\(path) exists, and a key is never overwritten: name another with --out FILE"
                        : "\(path) cannot be made: \(String(cString: strerror(errno)))")
            }
            let isWritten = text.withCString { Glibc.write(descriptor, $0, strlen($0)) } == text.utf8.count
            guard isWritten, fsync(descriptor) == 0, close(descriptor) == 0 else {
                let reason = String(cString: strerror(errno))
                unlink(path)
                throw Failure("\(path) cannot be written: \(reason)")
            }
        }
    }

    struct Record: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the DNS record of each key in the configuration.",
            discussion: """
                EXAMPLE
                  hoptop dkim record --config /etc/hoptop/hoptop.toml
                """)
        @OptionGroup var engine: EngineOptions

        func run() throws {
            let configuration = try self.engine.configuration()
            guard !configuration.signing.isEmpty else {
                throw Failure("\(self.engine.file ?? "the default configuration") has no [[dkim]]")
            }
            for rule in configuration.signing {
                do { print(try rule.signer().zoneRecord, terminator: "") } catch { throw Failure(error) }
            }
        }
    }
}
