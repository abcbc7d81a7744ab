import ArgumentParser
import Control
import Foundation
import Monitor
import Screen

/// Which daemon a command is for.
struct DaemonOptions: ParsableArguments {
    @Option(
        name: .long, parsing: .singleValue,
        help: ArgumentHelp(
            "The daemon: its control socket, https://HOST:PORT, or ssh://[USER@]HOST[:PORT][/SOCKET]; HOPTOP_TO otherwise, "
                + "and without that the socket of this machine.", valueName: "place"), completion: .file())
    var to: [String] = []
    @Option(
        help: ArgumentHelp(
            "Holds the token that an https:// daemon wants; HOPTOP_TOKEN is the token itself.", valueName: "file"),
        completion: .file())
    var tokenFile: String?
    @Option(
        help: ArgumentHelp(
            "PEM file of the authorities that an https:// daemon's certificate is from.", valueName: "file"),
        completion: .file())
    var ca: String?

    /// The one daemon that is meant.
    ///
    /// - Throws: ``Failure``. Whether somebody answers there shows at the first call.
    func feed() async throws -> any MonitorFeed {
        let feeds = try await self.feeds()
        guard feeds.count == 1 else {
            throw Failure("--to is given \(feeds.count) times: this command is for one daemon")
        }
        return feeds[0].feed
    }

    /// All that are meant, each by the name of its place; at least one.
    func feeds() async throws -> [FeedEntry] {
        let environment = ProcessInfo.processInfo.environment
        let places = try self.places(environment)
        let token = try self.token(environment)
        if let ca = self.ca, !FileManager.default.isReadableFile(atPath: ca) {
            throw Failure("\(ca) cannot be read: name a PEM file with --ca")
        }
        let ssh = environment["HOPTOP_SSH"]?.split(separator: " ").map(String.init) ?? []
        var feeds: [FeedEntry] = []
        // One after the other, since ssh may ask for passwords.
        for place in places {
            do {
                let address = try DaemonAddress(place)
                let feed = try await RemoteFeed(
                    address, token: token, authorities: self.ca, ssh: ssh.isEmpty ? ["ssh"] : ssh)
                feeds.append(FeedEntry(name: address.description, feed: feed))
            } catch {
                throw Failure("--to: \(error)")
            }
        }
        return feeds
    }

    private func places(_ environment: [String: String]) throws -> [String] {
        if !self.to.isEmpty { return try self.to.flatMap { $0 == "demo" ? try Self.demo(environment) : [$0] } }
        if let named = environment["HOPTOP_TO"]?.split(separator: " "), !named.isEmpty { return named.map(String.init) }
        let usual = ControlSocket.candidates(environment: environment)
        guard let found = usual.first(where: { FileManager.default.fileExists(atPath: $0) }) else {
            throw Failure(
                "no hoptop serve is running here (no \(usual.joined(separator: ", no "))): "
                    + "start it, or name its socket with --to")
        }
        return [found]
    }

    /// The relays of a demo that runs in another terminal.
    private static func demo(_ environment: [String: String]) throws -> [String] {
        let found = DemoChain.names.map { ControlSocket.path(ofDemo: $0, environment: environment) }
            .filter { FileManager.default.fileExists(atPath: $0) }
        guard !found.isEmpty else { throw Failure("no hoptop demo is running here: start it in another terminal") }
        return found
    }

    private func token(_ environment: [String: String]) throws -> String? {
        guard let file = self.tokenFile else { return environment["HOPTOP_TOKEN"].flatMap { $0.isEmpty ? nil : $0 } }
        guard let data = FileManager.default.contents(atPath: file) else {
            throw Failure("\(file) cannot be read: name the file of the token with --token-file")
        }
        let token = String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        guard !token.isEmpty, token.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw Failure("\(file) is not a token: it is one word, as hoptop control token printed it")
        }
        return token
    }
}
