import Glibc
import NIOCore
import Relay
import SMTP
import Sockets

/// The sender's side of one session with the relay on this machine, one step after another.
struct SubmissionClient: ~Copyable {
    /// RFC 5321 §4.5.3.2.6 asks for ten minutes of patience after the dot, and a busy disk may need them.
    private static let patienceSeconds = 600

    let descriptor: Int32

    deinit { close(self.descriptor) }

    /// - Throws: `.temporary` when nobody listens there.
    init(_ address: ListenAddress) throws(SendmailFailure) {
        switch address {
        case .socket(let path): self.descriptor = try Self.connect(toSocket: path)
        case .endpoint(let endpoint): self.descriptor = try Self.connect(to: endpoint)
        case .passed: throw SendmailFailure(.configuration, "\(address) is nowhere that a program could connect to")
        }
        var patience = timeval(tv_sec: Self.patienceSeconds, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(self.descriptor, SOL_SOCKET, option, &patience, socklen_t(MemoryLayout<timeval>.size))
        }
    }

    /// Makes the transactions that `recipients` need, in one session.
    ///
    /// - Parameter content: the octets from an offset on; empty at the end.
    /// - Returns: what became of each recipient, in order.
    func send(
        _ transaction: ClientSession.Transaction, as hostname: String,
        content: (Int) throws(SendmailFailure) -> ByteBuffer
    ) throws(SendmailFailure) -> [ClientSession.Outcome] {
        var session = ClientSession(ClientSession.Configuration(hostname: hostname))
        var series = TransactionSeries(transaction)
        var offset = 0
        while true {
            while let action = session.next() {
                switch action {
                case .send(let line), .sendSecret(let line, _): try self.write(Array("\(line)\r\n".utf8))
                case .sendContent(let octets): try self.write(Array(octets.readableBytesView))
                case .endContent: try self.write(Array(".\r\n".utf8))
                case .readContent:
                    let chunk = try content(offset)
                    offset += chunk.readableBytes
                    if chunk.readableBytes > 0 { session.content(chunk) } else { session.contentEnded() }
                case .ready:
                    offset = 0
                    if let next = series.next() { session.begin(next) } else { session.quit() }
                case .finished(let outcomes): series.finished(outcomes)
                case .unusable(let cause, let permanent): series.unusable(cause, permanent: permanent)
                case .close: return series.outcomes(lostIn: session.phase)
                case .heard, .spent, .startTLS, .authenticate, .answer: break
                }
            }
            try self.receive(into: &session)
        }
    }

    private func receive(into session: inout ClientSession) throws(SendmailFailure) {
        switch try self.read() {
        case .some(let octets) where !octets.isEmpty: session.receive(ByteBuffer(bytes: octets))
        case .some: session.disconnected()
        case nil: session.timedOut()
        }
    }

    /// Asks the relay to try mail now (RFC 1985).
    ///
    /// - Returns: its reply to ETRN.
    func requestQueue(_ request: QueueRequest, as hostname: String) throws(SendmailFailure) -> Reply {
        var replies = ReplyParser()
        var last: Reply?
        for line in ["", "EHLO \(hostname)", "ETRN \(request)", "QUIT"] {
            if !line.isEmpty { try self.write(Array("\(line)\r\n".utf8)) }
            let reply = try self.reply(&replies)
            if line.hasPrefix("ETRN") { last = reply }
            guard reply.code.isCompletion || line.hasPrefix("ETRN") else { return reply }
        }
        return last ?? Reply(421, nil, "no reply")
    }

    private func reply(_ replies: inout ReplyParser) throws(SendmailFailure) -> Reply {
        while true {
            do { if let reply = try replies.next() { return reply } } catch {
                throw SendmailFailure(.temporary, "the relay's reply is malformed")
            }
            guard let octets = try self.read(), !octets.isEmpty else {
                throw SendmailFailure(.temporary, "the relay hung up")
            }
            replies.append(ByteBuffer(bytes: octets))
        }
    }

    /// Carries SMTP between standard input and output and the relay, until the relay hangs up.
    func carry(from input: Int32, to output: Int32) throws(SendmailFailure) {
        var isOpen = true
        while true {
            var waiting = [
                pollfd(fd: self.descriptor, events: Int16(POLLIN), revents: 0),
                pollfd(fd: isOpen ? input : -1, events: Int16(POLLIN), revents: 0),
            ]
            guard poll(&waiting, 2, -1) > 0 else { continue }
            if waiting[1].revents != 0 {
                let octets = try Self.read(input)
                if octets.isEmpty {
                    isOpen = false
                    shutdown(self.descriptor, Int32(SHUT_WR))
                } else {
                    try self.write(octets)
                }
            }
            if waiting[0].revents != 0 {
                let octets = try self.read() ?? []
                guard !octets.isEmpty else { return }
                try Self.write(octets, to: output)
            }
        }
    }

    // MARK: octets

    private func write(_ octets: [UInt8]) throws(SendmailFailure) { try Self.write(octets, to: self.descriptor) }

    private static func write(_ octets: [UInt8], to descriptor: Int32) throws(SendmailFailure) {
        var rest = octets[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            // The relay may have said why before it hung up, and that is still to be read.
            if count < 0, errno == EPIPE || errno == ECONNRESET { return }
            guard count > 0 else {
                throw SendmailFailure(.temporary, "the relay takes nothing: \(String(cString: strerror(errno)))")
            }
            rest = rest.dropFirst(count)
        }
    }

    /// - Returns: empty at the end; `nil` when the relay is silent for too long.
    private func read() throws(SendmailFailure) -> [UInt8]? {
        var chunk = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let count = Glibc.read(self.descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN { return nil }
            return Array(chunk[..<max(count, 0)])
        }
    }

    private static func read(_ descriptor: Int32) throws(SendmailFailure) -> [UInt8] {
        var chunk = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            return Array(chunk[..<max(count, 0)])
        }
    }

    // MARK: connecting

    private static func connect(toSocket path: String) throws(SendmailFailure) -> Int32 {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw Self.failure("there is no socket") }
        guard LocalAddress.connect(descriptor, to: path) == 0 else {
            let failure = Self.failure("no relay answers at unix:\(path)")
            close(descriptor)
            throw failure
        }
        return descriptor
    }

    private static func connect(to endpoint: SocketEndpoint) throws(SendmailFailure) -> Int32 {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(endpoint.host, "\(endpoint.port)", &hints, &found) == 0, let found else {
            throw SendmailFailure(.temporary, "\(endpoint) cannot be found")
        }
        defer { freeaddrinfo(found) }
        let address = found.pointee
        let descriptor = socket(address.ai_family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw Self.failure("there is no socket") }
        guard Glibc.connect(descriptor, address.ai_addr, address.ai_addrlen) == 0 else {
            let failure = Self.failure("no relay answers at \(endpoint)")
            close(descriptor)
            throw failure
        }
        return descriptor
    }

    private static func failure(_ what: String) -> SendmailFailure {
        SendmailFailure(.temporary, "\(what): \(String(cString: strerror(errno)))")
    }
}
