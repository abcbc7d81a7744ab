import NIOCore
import SMTP
import Testing

@testable import Milter

/// Plays the server's side of a session with a milter, and writes down what happens:
///
///     begin | tell STEP | abort | quit     what the driver says
///     M: c                                 a packet of the milter: its code, then data; `|` is a NUL, `#7` a number
///     S: C client.example|4:40112:192.0.2.7|   a packet of ours
///     *: continue                          what comes out of the machine beside packets
///
/// Each transcript is played twice, the second time octet by octet.
struct MilterParty {
    private var session = MilterSession()
    private var lines: [String] = []
    private let macros: MilterMacros

    static func expect(
        _ transcript: String, macros: MilterMacros = MilterMacros(), location: SourceLocation = #_sourceLocation
    ) {
        for isInPieces in [false, true] {
            var party = MilterParty(macros: macros)
            for line in transcript.split(separator: "\n") where !line.hasPrefix("S: ") && !line.hasPrefix("*: ") {
                party.play(String(line), isInPieces)
            }
            #expect(party.lines.joined(separator: "\n") == transcript, sourceLocation: location)
        }
    }

    /// What happens, line by line.
    static func play(_ script: [String]) -> [String] {
        var party = MilterParty(macros: MilterMacros())
        for line in script { party.play(line, false) }
        return party.lines
    }

    private init(macros: MilterMacros) { self.macros = macros }

    private mutating func play(_ line: String, _ isInPieces: Bool) {
        self.lines.append(line)
        switch line.prefix(4) {
        case "begi": self.session.begin()
        case "tell": self.session.tell(Self.step(String(line.dropFirst(5))), self.macros)
        case "abor": self.session.abort()
        case "quit": self.session.quit()
        default:
            let packet = Self.packet(String(line.dropFirst(3)))
            guard isInPieces else {
                self.session.receive(packet)
                break
            }
            for octet in packet.readableBytesView.dropLast() {
                self.session.receive(ByteBuffer(bytes: [octet]))
                self.drain()
            }
            self.session.receive(ByteBuffer(bytes: packet.readableBytesView.suffix(1)))
        }
        self.drain()
    }

    private mutating func drain() {
        do {
            while let action = try self.session.next() {
                switch action {
                case .send(let octets): self.lines += Self.packets(octets).map { "S: \($0)" }
                case .progress: self.lines.append("*: progress")
                case .change(let change): self.lines.append("*: \(Self.words(change))")
                case .answer(let answer): self.lines.append("*: \(Self.words(answer))")
                }
            }
        } catch { self.lines.append("*: \(error)") }
    }

    // MARK: notation

    private static func step(_ text: String) -> MilterStep {
        let words = text.split(separator: " ").map(String.init)
        switch words[0] {
        case "connect":
            return .connect(
                name: words[1], address: words.count > 2 ? words[2] : nil, port: words.count > 3 ? UInt16(words[3])! : 0
            )
        case "hello": return .hello(words[1])
        case "mail": return .mail(words[1], Array(words.dropFirst(2)))
        case "rcpt": return .recipient(words[1], Array(words.dropFirst(2)))
        case "data": return .data
        case "header":
            let name = text.dropFirst(7).prefix { $0 != ":" }
            return .header(name: String(name), value: Self.octets(text.dropFirst(8 + name.count)))
        case "eoh": return .endOfHeader
        case "body": return .body(Self.octets(text.dropFirst(5)))
        default: return .endOfMessage
        }
    }

    private static func octets(_ text: some StringProtocol) -> ByteBuffer {
        ByteBuffer(
            string: String(text).replacing("\\r", with: "\r").replacing("\\n", with: "\n").replacing("|", with: "\0"))
    }

    /// `c`, `h X-Spam|yes|`, `m #2 Subject|new|`, `O #6 #1 #0`
    static func packet(_ text: String) -> ByteBuffer {
        var data = ByteBuffer(string: String(text.prefix(1)))
        var rest = text.dropFirst(2)
        while rest.hasPrefix("#") {
            let word = rest.prefix { $0 != " " }
            let digits = word.dropFirst()
            data.writeInteger(
                digits.hasPrefix("0x") ? UInt32(digits.dropFirst(2), radix: 16)! : UInt32(digits)!)
            rest = rest.dropFirst(word.count + 1)
        }
        data.writeImmutableBuffer(self.octets(rest))
        var packet = ByteBuffer(integer: UInt32(data.readableBytes))
        packet.writeBuffer(&data)
        return packet
    }

    private static func packets(_ octets: ByteBuffer) -> [String] {
        var octets = octets
        var packets: [String] = []
        while let length = octets.readInteger(as: UInt32.self), var packet = octets.readSlice(length: Int(length)) {
            let code = packet.readString(length: 1)!
            var text = code
            if code == "O" {
                while let number = packet.readInteger(as: UInt32.self) { text += " 0x" + String(number, radix: 16) }
            } else if packet.readableBytes > 0 {
                text += " "
            }
            if code == "D" { text += packet.readString(length: 1)! + " " }
            if code == "C", let end = packet.readableBytesView.firstIndex(of: 0) {
                text += packet.readString(length: end + 1 - packet.readerIndex)! + packet.readString(length: 1)!
                if let port = packet.readInteger(as: UInt16.self) { text += ":\(port):" }
            }
            text += String(buffer: packet)
            packets.append(
                Self.visible(text))
        }
        return packets
    }

    /// By scalars, since CR and LF are one character.
    private static func visible(_ text: String) -> String {
        text.unicodeScalars.reduce(into: "") { result, scalar in
            switch scalar {
            case "\0": result += "|"
            case "\r": result += "\\r"
            case "\n": result += "\\n"
            default: result.unicodeScalars.append(scalar)
            }
        }
    }

    private static func words(_ change: MilterChange) -> String {
        func words(_ field: MilterField) -> String {
            "\(field.name):" + Self.visible(String(buffer: field.value))
        }
        func words(_ parameters: [Parameter]) -> String { parameters.map { " \($0)" }.joined() }
        switch change {
        case .addHeader(let field): return "add \(words(field))"
        case .insertHeader(let field, let number): return "insert at \(number) \(words(field))"
        case .changeHeader(let field, let number): return "change \(number). \(words(field))"
        case .body(let piece): return "body \(String(buffer: piece))"
        case .addRecipient(let path, let parameters): return "add \(path)\(words(parameters))"
        case .deleteRecipient(let path): return "delete \(path)"
        case .changeSender(let path, let parameters): return "sender \(path)\(words(parameters))"
        case .quarantine(let reason): return "quarantine \(reason)"
        }
    }

    private static func words(_ answer: MilterAnswer) -> String {
        if case .reply(let reply) = answer {
            let code = reply.enhanced.map { "\($0) " } ?? ""
            return "reply \(reply.code.rawValue) \(code)\(reply.lines.joined(separator: " / "))"
        }
        return "\(answer)"
    }
}
