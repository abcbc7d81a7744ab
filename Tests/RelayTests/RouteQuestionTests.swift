import SMTP
import Testing

@testable import Relay

@Suite("whom an operator means who asks for the way")
struct RouteQuestionTests {
    private static let configuration = {
        var configuration = RelayConfiguration(
            hostname: "us.example", postmaster: try? Mailbox(parsing: "pm@local.test"), listen: [], spoolDirectory: "")
        configuration.routes = [("inside", "a"), ("*", "b")].compactMap { pattern, host in
            DomainPattern(pattern).map { Route(pattern: $0, via: [SocketEndpoint(host: host, port: 25)]) }
        }
        return configuration
    }()

    @Test(
        "an address, a domain, or the postmaster",
        arguments: [
            ("bob@example.org", "<bob@example.org>"), ("<bob@foo>", "<bob@foo>"),
            ("example.org", "<postmaster@example.org>"), ("inside", "<postmaster@inside>"),
            ("US.example", "<postmaster@US.example>"), ("[192.0.2.1]", "<postmaster@[192.0.2.1]>"),
            ("postmaster", "<pm@local.test>"), ("<Postmaster>", "<pm@local.test>"),
        ])
    func meant(asked: String, path: String) {
        #expect(RouteQuestion.path(asked, Self.configuration)?.description == path)
    }

    @Test("what is neither", arguments: ["foo", "", "bob@", "@", "a b.c", "<>"])
    func unmeant(asked: String) { #expect(RouteQuestion.path(asked, Self.configuration) == nil) }
}
