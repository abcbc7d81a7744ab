import Glibc
import Mail
import NIOCore

/// A message as a program writes it to standard input, and where it is kept until it is sent: small ones in memory, others
/// in a file without a name.
final class MessageInput {
    private static let memoryOctets = 1 << 20

    private var memory = ByteBuffer()
    private var file: Int32?
    private(set) var octets = 0
    private(set) var isEightBit = false

    /// The beginning, with every header that is not too long to be one.
    var beginning: ByteBuffer { self.memory }
    static var headerLimit: Int { self.memoryOctets }

    /// Reads to the end. Lines come to end with CRLF.
    ///
    /// - Parameter ignoresDots: a line with nothing but a dot is a line as any other.
    init(_ descriptor: Int32, ignoresDots: Bool) throws(SendmailFailure) {
        var lines = LineEndings(endsAtDot: !ignoresDots)
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while !lines.isAtEnd {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw Self.failure("the message cannot be read") }
            guard count > 0 else { break }
            try self.append(lines.convert(chunk[..<count]))
        }
        try self.append(lines.finish())
    }

    init(text: String) throws(SendmailFailure) {
        var lines = LineEndings(endsAtDot: false)
        try self.append(lines.convert(text.utf8))
        try self.append(lines.finish())
    }

    deinit { if let file { close(file) } }

    private func append(_ octets: [UInt8]) throws(SendmailFailure) {
        self.octets += octets.count
        if !self.isEightBit { self.isEightBit = octets.contains { $0 >= 0x80 } }
        let room = max(Self.memoryOctets - self.memory.readableBytes, 0)
        self.memory.writeBytes(octets.prefix(room))
        guard octets.count > room else { return }
        let file = if let open = self.file { open } else { try Self.temporaryFile() }
        self.file = file
        var rest = octets.dropFirst(room)
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw Self.failure("the message cannot be kept") }
            rest = rest.dropFirst(count)
        }
    }

    /// At most 64 KiB from `offset`; empty at the end.
    func read(from offset: Int) throws(SendmailFailure) -> ByteBuffer {
        let inMemory = self.memory.readableBytes
        if offset < inMemory {
            let count = min(inMemory - offset, 64 << 10)
            return self.memory.getSlice(at: self.memory.readerIndex + offset, length: count) ?? ByteBuffer()
        }
        guard let file = self.file else { return ByteBuffer() }
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        let count = pread(file, &chunk, chunk.count, off_t(offset - inMemory))
        guard count >= 0 else { throw Self.failure("the message cannot be read back") }
        return ByteBuffer(bytes: chunk[..<count])
    }

    private static func temporaryFile() throws(SendmailFailure) -> Int32 {
        let folder = getenv("TMPDIR").map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 } ?? "/tmp"
        var template = Array("\(folder)/sendmail.XXXXXX".utf8CString)
        let file = mkstemp(&template)
        guard file >= 0 else { throw Self.failure("there is no room for the message in \(folder)") }
        unlink(template)
        return file
    }

    private static func failure(_ what: String) -> SendmailFailure {
        SendmailFailure(.temporary, "\(what): \(String(cString: strerror(errno)))")
    }
}

/// Makes the line ends of a program into those of mail: LF and CRLF both end a line.
struct LineEndings {
    private enum State {
        case lineStart
        case dot  // A dot starts the line, and nobody knows yet whether it stands alone.
        case dotCR
        case text
        case cr  // A CR that is not passed on yet.
    }
    private let endsAtDot: Bool
    private var state = State.lineStart
    /// The lone dot came: what follows is not looked at.
    private(set) var isAtEnd = false

    init(endsAtDot: Bool) { self.endsAtDot = endsAtDot }

    mutating func convert(_ octets: some Collection<UInt8>) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(octets.count + octets.count / 16)
        for octet in octets where !self.isAtEnd { self.convert(octet, &output) }
        return output
    }

    private mutating func convert(_ octet: UInt8, _ output: inout [UInt8]) {
        switch (self.state, octet) {
        case (.lineStart, UInt8(ascii: ".")) where self.endsAtDot: self.state = .dot
        case (.dot, 0x0A), (.dotCR, 0x0A): self.isAtEnd = true
        case (.dot, 0x0D): self.state = .dotCR
        case (.dot, _):
            output.append(UInt8(ascii: "."))
            self.state = .text
            self.convert(octet, &output)
        case (.dotCR, _):
            output += [UInt8(ascii: "."), 0x0D]
            self.state = .text
            self.convert(octet, &output)
        case (.cr, 0x0A), (.text, 0x0A), (.lineStart, 0x0A):
            output += [0x0D, 0x0A]
            self.state = .lineStart
        case (.cr, _):
            output.append(0x0D)
            self.state = .text
            self.convert(octet, &output)
        case (.text, 0x0D), (.lineStart, 0x0D): self.state = .cr
        case (.text, _), (.lineStart, _):
            output.append(octet)
            self.state = .text
        }
    }

    /// What is held back, and the end of a last line that has none.
    mutating func finish() -> [UInt8] {
        defer { self.state = .lineStart }
        switch self.state {
        case .lineStart: return []
        case .dot: return self.isAtEnd ? [] : [UInt8(ascii: "."), 0x0D, 0x0A]
        case .dotCR: return self.isAtEnd ? [] : [UInt8(ascii: "."), 0x0D, 0x0A]
        case .text, .cr: return [0x0D, 0x0A]
        }
    }
}
