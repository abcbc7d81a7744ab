import Glibc
import Testing

@testable import Service
@testable import Sockets

@Suite("the service manager is told")
struct ServiceManagerTests {
    /// The manager's end.
    private final class Inbox {
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)

        /// - Parameter address: with `@` in front of an abstract name.
        init(_ address: String) throws {
            var patience = timeval(tv_sec: 10, tv_usec: 0)
            setsockopt(self.descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
            try #require(LocalAddress.bind(self.descriptor, to: address) == 0)
        }
        deinit { close(self.descriptor) }

        func next() -> String? {
            var room = [UInt8](repeating: 0, count: 4096)
            let count = recv(self.descriptor, &room, room.count, 0)
            return count < 0 ? nil : String(decoding: room[..<count], as: UTF8.self)
        }
    }

    @Test(
        "by a path, and by an abstract name",
        arguments: ["/tmp/hoptop-notify-\(getpid())", "@hoptop-notify-\(getpid())"])
    func datagrams(_ address: String) throws {
        defer { unlink(address) }
        let inbox = try Inbox(address)
        let manager = try #require(ServiceManager(environment: ["NOTIFY_SOCKET": address]))
        try manager.tell(.ready)
        try manager.tell(.status("12 queued\nREADY=1"))
        #expect(inbox.next() == "READY=1")
        #expect(inbox.next() == "STATUS=12 queued READY=1")
    }

    @Test("in its own words")
    func words() {
        #expect(ServiceManager.lines(.reloading, at: 12_345_678) == "RELOADING=1\nMONOTONIC_USEC=12345678")
        #expect(ServiceManager.lines(.stopping, at: 0) == "STOPPING=1")
        #expect(ServiceManager.lines(.alive, at: 0) == "WATCHDOG=1")
    }

    @Test("only where it wants to know, and of a sign of life only the process that it means")
    func environment() throws {
        #expect(ServiceManager(environment: [:]) == nil)
        #expect(ServiceManager(environment: ["NOTIFY_SOCKET": "vsock:2:1234"]) == nil)
        #expect(ServiceManager(environment: ["NOTIFY_SOCKET": "@"]) == nil)
        var environment = ["NOTIFY_SOCKET": "/run/systemd/notify"]
        #expect(try #require(ServiceManager(environment: environment)).watchdog == nil)
        environment["WATCHDOG_USEC"] = "60000000"
        #expect(try #require(ServiceManager(environment: environment)).watchdog == .seconds(60))
        environment["WATCHDOG_PID"] = "7"
        #expect(try #require(ServiceManager(environment: environment, process: 7)).watchdog == .seconds(60))
        #expect(try #require(ServiceManager(environment: environment, process: 8)).watchdog == nil)
    }

    @Test("an error names who could not be told")
    func nobodyThere() throws {
        let manager = try #require(ServiceManager(environment: ["NOTIFY_SOCKET": "/tmp/hoptop-nobody"]))
        #expect(throws: ServiceError("/tmp/hoptop-nobody: No such file or directory")) { try manager.tell(.ready) }
    }
}

@Suite("sockets that the service manager passes on")
struct PassedSocketsTests {
    private func passed(_ count: String, names: String? = nil, process: String = "7") -> PassedSockets {
        var environment = ["LISTEN_FDS": count, "LISTEN_PID": process]
        environment["LISTEN_FDNAMES"] = names
        return PassedSockets(environment: environment, process: 7)
    }

    @Test("are known by their names, of which several may be the same, or by their place")
    func names() {
        let passed = self.passed("3", names: "smtp:submission:smtp")
        #expect(passed.named("smtp").map(\.descriptor) == [3, 5])
        #expect(passed.named("submission").map(\.descriptor) == [4])
        #expect(passed.named("2").map(\.descriptor) == [4])
        #expect(passed.named("4") == [])
        #expect(passed.named("0") == [])
        #expect(self.passed("2", names: "a:1").named("1").map(\.descriptor) == [4], "a name goes before a place")
        #expect(self.passed("1").sockets.map(\.name) == ["unknown"])
    }

    @Test("are none where they are for another process, or not a number", arguments: ["0", "-1", "x", "99999999"])
    func none(_ count: String) {
        #expect(self.passed(count).sockets.isEmpty)
        #expect(self.passed("1", process: "8").sockets.isEmpty)
        #expect(PassedSockets(environment: [:]).named("1") == [])
    }
}

@Suite("users of this machine")
struct IdentityTests {
    @Test("who is not there is named, with what to do")
    func unknown() {
        #expect(throws: ServiceError.self) { try Identity(user: "no-such-user") }
        #expect(
            throws: ServiceError("this machine has no group nobodys: make one, such as with addgroup --system nobodys")
        ) {
            try Identity(user: "root", group: "nobodys")
        }
    }

    @Test("have the group of the user database, or another")
    func groups() throws {
        #expect(try Identity(user: "root").group == 0)
        let tty = try #require(getgrnam("tty"))
        #expect(try Identity(user: "root", group: "tty").group == tty.pointee.gr_gid)
    }
}
