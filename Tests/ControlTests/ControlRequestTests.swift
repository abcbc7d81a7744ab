import Foundation
import Logging
import Mail
import Monitor
import NIOHTTP1
import NIOPosix
import Testing

@testable import Control

/// Who may ask what, found by a request's head alone.
@Suite("requests to the API")
struct ControlRequestTests {
    private static let routes = ControlAPI.calls.map { $0.route } + ControlAPI.streams.map { $0.route }

    private func head(_ method: String, _ target: String, _ headers: HTTPHeaders = ["Host": "x"]) -> HTTPRequestHead {
        HTTPRequestHead(version: .http1_1, method: HTTPMethod(rawValue: method), uri: target, headers: headers)
    }
    private func target(_ route: ControlRoute) -> String {
        let words = route.segments.map { segment in if case .word(let word) = segment { word } else { "x" } }
        return "/" + words.joined(separator: "/")
    }
    /// - Returns: the status of what is said instead; 0: it is served.
    private func status(_ head: HTTPRequestHead, as role: ControlRoute.Role) -> UInt {
        do throws(ControlError) {
            _ = try ControlRequest(head, from: ControlVisitor(name: "ann", role: role))
            return 0
        } catch { return error.status.code }
    }
    private func status(
        _ head: HTTPRequestHead, at entrance: ControlServer.Entrance, _ access: ControlAccess = ControlAccess()
    ) -> UInt {
        let server = ControlServer(
            node: "mx1", access: access, group: MultiThreadedEventLoopGroup.singleton,
            threads: .singleton, log: Logger(label: "test")
        ) { _ in SampleFeed() }
        do throws(ControlError) {
            _ = try server.request(head, at: entrance)
            return 0
        } catch { return error.status.code }
    }

    @Test("an observer sees everything and does nothing; an operator does all")
    func roles() {
        #expect(Self.routes.contains { $0.role == .operator })
        for route in Self.routes {
            let head = self.head(route.method.rawValue, self.target(route))
            #expect(self.status(head, as: .operator) == 0, "\(route.path)")
            #expect(self.status(head, as: .observer) == (route.role == .operator ? 403 : 0), "\(route.path)")
        }
    }

    @Test("whatever changes something takes an operator")
    func changes() {
        let reading: Set = ["/v1/queue/freeze", "/v1/rules/preview"]
        for route in Self.routes where route.method == .post {
            #expect(route.role == (reading.contains(route.path) ? .observer : .operator), "\(route.path)")
        }
        // Who only looks on need not read other people's mail.
        let secret: Set = ["/v1/messages/{id}/content"]
        for route in Self.routes where route.method == .get {
            #expect(route.role == (secret.contains(route.path) ? .operator : .observer), "\(route.path)")
        }
    }

    @Test("on the network nothing is served without a token that is known, or to a page of a browser")
    func tokens() throws {
        var generator = SystemRandomNumberGenerator()
        let (token, line) = ControlTokens.make("dash", role: .observer, using: &generator)
        let access = ControlAccess(tokens: try ControlTokens(text: line))
        let document = ControlAPI.document
        for route in Self.routes + [document] {
            let (method, target) = (route.method.rawValue, self.target(route))
            func status(_ headers: HTTPHeaders) -> UInt {
                var headers = headers
                headers.add(name: "Host", value: "x")
                return self.status(
                    self.head(method, target, headers), at: .network("192.0.2.7"), access)
            }
            let mayAsk: UInt = route.role == .operator ? 403 : 0
            #expect(status([:]) == 401, "\(route.path)")
            #expect(status(["Authorization": "Bearer \(token)x"]) == 401, "\(route.path)")
            #expect(status(["Authorization": "Basic \(token)"]) == 401, "\(route.path)")
            #expect(status(["Authorization": "Bearer \(token)"]) == mayAsk, "\(route.path)")
            #expect(status(["Authorization": "bearer  \(token)"]) == mayAsk, "\(route.path)")
            #expect(status(["Authorization": "Bearer \(token)", "Origin": "https://evil.example"]) == 403)
        }
    }

    @Test("guessing tokens ends after ten, and is slowed down before")
    func guesses() throws {
        let server = ControlServer(
            node: "mx1", group: MultiThreadedEventLoopGroup.singleton, threads: .singleton, log: Logger(label: "test")
        ) { _ in SampleFeed() }
        var answers: [UInt] = []
        var delays: [Int64] = []
        for _ in 0..<12 {
            do throws(ControlError) {
                let head = self.head("GET", "/v1/overview", ["Host": "x", "Authorization": "Bearer x"])
                _ = try server.request(head, at: .network("192.0.2.7"))
            } catch {
                answers.append(error.status.code)
                delays.append(error.delay)
            }
        }
        #expect(answers == Array(repeating: 401, count: 10) + [429, 429])
        #expect(delays.prefix(5) == [1000, 2000, 4000, 8000, 8000])
    }

    @Test("on the socket the system says who somebody is")
    func users() {
        let head = self.head("POST", "/v1/queue/actions")
        let me = LocalUser(name: "me", number: geteuid())
        let ann = LocalUser(name: "ann", number: geteuid() + 12_345)
        #expect(self.status(head, at: .socket(me)) == 0)
        #expect(self.status(head, at: .socket(LocalUser(name: "root", number: 0))) == 0)
        #expect(self.status(head, at: .socket(ann)) == 403)
        let overview = self.head("GET", "/v1/overview")
        #expect(self.status(overview, at: .socket(ann)) == 403)
        let group = ControlAccess(hasGroup: true)
        #expect(self.status(overview, at: .socket(ann), group) == 0)
        #expect(self.status(head, at: .socket(ann), group) == 403)
        #expect(self.status(head, at: .socket(ann), ControlAccess(hasGroup: true, operators: ["bob"])) == 403)
        #expect(self.status(head, at: .socket(ann), ControlAccess(hasGroup: true, operators: ["ann"])) == 0)
        #expect(self.status(head, at: .socket(ann), ControlAccess(hasGroup: true, operators: ["*"])) == 0)
    }

    @Test("what is no request says so")
    func mistakes() {
        #expect(self.status(self.head("GET", "/v1/nothing"), as: .operator) == 404)
        #expect(self.status(self.head("GET", "/v1/queue/"), as: .operator) == 404)
        #expect(self.status(self.head("GET", "/v1/queue?%"), as: .operator) == 400)
        #expect(self.status(self.head("GET", "/v1/queue?fliter=to:x"), as: .operator) == 400)
        #expect(self.status(self.head("DELETE", "/v1/queue"), as: .operator) == 405)
        #expect(self.status(self.head("POST", "/v1/queue/search"), as: .operator) == 405)
        #expect(self.status(self.head("HEAD", "/v1/queue"), as: .observer) == 0)
        let me = ControlServer.Entrance.socket(LocalUser(name: "me", number: geteuid()))
        #expect(self.status(self.head("GET", "/v1/overview", [:]), at: me) == 400)
        let twice = HTTPHeaders([("Host", "x"), ("Host", "y")])
        #expect(self.status(self.head("GET", "/v1/overview", twice), at: me) == 400)
        do throws(ControlError) {
            _ = try ControlRequest(
                self.head("PUT", "/v1/queue"), from: ControlVisitor(name: "ann", role: .operator))
            Issue.record("PUT is no method here")
        } catch { #expect(error.headers["Allow"] == ["GET, HEAD"]) }
    }

    @Test(
        "only who says that it may be old is given what somebody else was",
        arguments: [
            ([], false), (["no-cache"], false), (["max-age=0"], false), (["max-age"], false), (["max-age=x"], false),
            (["max-age=1"], true), (["no-transform, Max-Age=60"], true),
        ] as [([String], Bool)])
    func age(_ directives: [String], _ takesShared: Bool) throws {
        let headers = HTTPHeaders([("Host", "x")] + directives.map { ("Cache-Control", $0) })
        let visitor = ControlVisitor(name: "ann", role: .observer)
        let request = try ControlRequest(self.head("GET", "/v1/queue", headers), from: visitor)
        #expect(request.takesShared == takesShared)
    }

    @Test("what was asked for before is understood as it was then, and asked for by nobody else who may not")
    func known() throws {
        let known = KnownErrands()
        let ann = ControlVisitor(name: "ann", role: .operator)
        let bob = ControlVisitor(name: "bob", role: .observer)
        let watching: HTTPHeaders = ["Host": "x", "Cache-Control": "max-age=1"]
        for target in ["/v1/queue?filter=to%3Ax&count=7", "/v1/messages/4Q7K/content", "/v1/queue?filter=to%3Ay"] {
            let head = self.head("GET", target, watching)
            let first = try ControlRequest(head, from: ann, known: known)
            let second = try ControlRequest(head, from: ann, known: known)
            #expect(second.arguments == first.arguments)
            #expect(second.route == first.route)
            #expect(second.target == target)
            let whole = try ControlRequest(self.head("GET", target), from: ann)
            #expect(second.arguments == whole.arguments)
        }
        #expect(throws: ControlError.self) {
            try ControlRequest(self.head("GET", "/v1/messages/4Q7K/content", watching), from: bob, known: known)
        }
        #expect(throws: ControlError.self) {
            try ControlRequest(self.head("POST", "/v1/queue?filter=to%3Ax&count=7", watching), from: ann, known: known)
        }
    }

    @Test(
        "a file of tokens with a mistake is refused whole",
        arguments: [
            "ann operator", "ann boss \(String(repeating: "0", count: 64))",
            "ann operator \(String(repeating: "0", count: 63))", "a/b operator \(String(repeating: "0", count: 64))",
            "ann operator \(String(repeating: "g", count: 64))", "ann operator \(String(repeating: "+1", count: 32))",
            "a observer \(String(repeating: "1", count: 64))\n# x\na observer \(String(repeating: "2", count: 64))",
        ])
    func tokenFiles(_ text: String) { #expect(throws: ControlTokensError.self) { try ControlTokens(text: text) } }

    @Test("a token is known until its line is out")
    func tokenLines() throws {
        var generator = SystemRandomNumberGenerator()
        let (one, first) = ControlTokens.make("ann", role: .operator, using: &generator)
        let (other, second) = ControlTokens.make("bob", role: .observer, using: &generator)
        let text = "# ours\n\(first)\n\(second)"
        let tokens = try ControlTokens(text: text)
        #expect(tokens.visitor(one) == ControlVisitor(name: "ann", role: .operator))
        #expect(tokens.visitor(other) == ControlVisitor(name: "bob", role: .observer))
        #expect(tokens.visitor("") == nil)
        let rest = try ControlTokens(text: ControlTokens.text(text, without: "ann"))
        #expect(rest.names == ["bob"])
        #expect(rest.visitor(one) == nil)
    }
}
