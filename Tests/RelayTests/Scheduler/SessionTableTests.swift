import SMTP
import Testing

@testable import Relay

@Suite("which mail may use a session")
struct SessionTableTests {
    private static let a = SocketEndpoint(host: "a", port: 25)
    private static let b = SocketEndpoint(host: "b", port: 25)
    private static let c = SocketEndpoint(host: "c", port: 25)

    private var sessions = SessionTable()

    private mutating func open(
        without passed: Set<SocketEndpoint> = [], _ limits: RouteLimits = RouteLimits()
    ) -> SessionTable.Number {
        self.sessions.open(to: NextHop(.hosts([Self.a, Self.b, Self.c]), limits: limits), through: 1, without: passed)
    }

    private func mayCarry(
        _ session: SessionTable.Number, past passed: Set<SocketEndpoint>, suspending host: String? = nil
    ) -> Bool {
        var orders = DestinationOrders()
        if let host { orders.suspensions[host] = Suspension(by: "ops") }
        return self.sessions.mayCarry(session, mailPast: passed, orders: orders)
    }

    @Test("one to the first host carries mail that has not passed that host")
    mutating func firstHost() {
        let session = self.open()
        self.sessions.leads(session, to: Self.a)
        #expect(self.mayCarry(session, past: []))
        #expect(self.mayCarry(session, past: [Self.b]))
        #expect(!self.mayCarry(session, past: [Self.a]))
    }

    @Test("one to a later host carries only mail that has passed those before it")
    mutating func laterHost() {
        let session = self.open(without: [Self.a])
        self.sessions.leads(session, to: Self.b)
        #expect(!self.mayCarry(session, past: []))
        #expect(self.mayCarry(session, past: [Self.a]))
        #expect(self.mayCarry(session, past: [Self.a, Self.c]))
        #expect(!self.mayCarry(session, past: [Self.a, Self.b]))
    }

    @Test("one that was not used yet may lead to any host that it was not opened without")
    mutating func unused() {
        let session = self.open(without: [Self.a])
        #expect(self.mayCarry(session, past: [Self.a, Self.b]))
        #expect(!self.mayCarry(session, past: [Self.b]))
    }

    @Test("none leads to a suspended host")
    mutating func suspended() {
        let session = self.open()
        self.sessions.leads(session, to: Self.a)
        #expect(!self.mayCarry(session, past: [], suspending: "a:25"))
        #expect(self.mayCarry(session, past: [], suspending: "b:25"))
    }

    @Test("one is spent when it had as many transactions as its route allows")
    mutating func spent() throws {
        var limits = RouteLimits()
        limits.messagesPerConnection = 2
        let (limited, unlimited) = (self.open(without: [], limits), self.open())
        for session in [limited, unlimited] { self.sessions.count(session) }
        #expect(try !#require(self.sessions[limited]).isSpent)
        for session in [limited, unlimited] { self.sessions.count(session) }
        #expect(try #require(self.sessions[limited]).isSpent)
        #expect(try !#require(self.sessions[unlimited]).isSpent)
    }

    @Test("a number is never given twice, and one that is closed is gone")
    mutating func numbers() {
        let first = self.open()
        #expect(self.sessions.close(first) == 1)
        #expect(self.sessions.close(first) == nil)
        #expect(self.open() != first)
        #expect(self.sessions.all.count == 1)
    }
}
