import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import Testing

/// A milter with manners: what it answers to a command depends on the local part of the reverse-path, and before there is one
/// on `""`. Where nothing is said of a command, it says to go on.
///
/// An answer is written as its code and its data, `|` standing for NUL and `#7` for a number: `h X-Spam|no|`. `hang` is no answer,
/// `hang up` is one too, and `nonsense` is none of the protocol.
final class ScriptedMilter: Sendable {
    typealias Manners = [String: [Character: [String]]]

    /// What it was told: each command with its data, macros left out.
    let heard = NIOLockedValueBox<[String]>([])
    let macros = NIOLockedValueBox<[String]>([])
    private let channel: NIOAsyncChannel<NIOAsyncChannel<ByteBuffer, ByteBuffer>, Never>
    private let running: Task<Void, any Error>

    /// - Parameters:
    ///   - steps: those it does not want, or does not answer.
    ///   - port: 0 has the system choose.
    ///   - path: of a Unix socket, in place of a port.
    init(_ manners: Manners, steps: UInt32 = 0, port: Int = 0, path: String? = nil) async throws {
        let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
        @Sendable func prepare(_ channel: any Channel) -> EventLoopFuture<NIOAsyncChannel<ByteBuffer, ByteBuffer>> {
            channel.eventLoop.makeCompletedFuture {
                try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
            }
        }
        let channel =
            if let path {
                try await bootstrap.bind(unixDomainSocketPath: path, childChannelInitializer: prepare)
            } else { try await bootstrap.bind(host: "127.0.0.1", port: port, childChannelInitializer: prepare) }
        self.channel = channel
        let (heard, macros) = (self.heard, self.macros)
        self.running = Task {
            try await channel.executeThenClose { sessions in
                try await withThrowingDiscardingTaskGroup { group in
                    for try await session in sessions {
                        group.addTask { try? await Self.serve(session, manners, steps, heard, macros) }
                    }
                }
            }
        }
    }

    var port: Int { get throws { try #require(self.channel.channel.localAddress?.port) } }
    var address: String { get throws { "127.0.0.1:\(try self.port)" } }

    func stop() async {
        self.running.cancel()
        _ = await self.running.result
    }

    private static func serve(
        _ channel: NIOAsyncChannel<ByteBuffer, ByteBuffer>, _ manners: Manners, _ steps: UInt32,
        _ heard: NIOLockedValueBox<[String]>, _ macros: NIOLockedValueBox<[String]>
    ) async throws {
        try await channel.executeThenClose { inbound, outbound in
            var input = ByteBuffer()
            var manner = ""
            for try await octets in inbound {
                input.writeImmutableBuffer(octets)
                while let length = input.getInteger(at: input.readerIndex, as: UInt32.self),
                    input.readableBytes >= 4 + Int(length)
                {
                    input.moveReaderIndex(forwardBy: 4)
                    guard var packet = input.readSlice(length: Int(length)), let code = packet.readString(length: 1)
                    else { return }
                    let data = String(buffer: packet).replacing("\0", with: "|")
                    if code == "D" {
                        macros.withLockedValue { $0.append(data) }
                        continue
                    }
                    if code != "O" { heard.withLockedValue { $0.append(data.isEmpty ? code : "\(code) \(data)") } }
                    switch code {
                    case "O": try await outbound.write(Self.packet("O #6 #0x1ff #\(steps)"))
                    case "A": manner = ""
                    case "Q": return
                    default:
                        if code == "M" {
                            manner = String(data.dropFirst().prefix { $0 != "@" && $0 != ">" })
                        }
                        for answer in manners[manner]?[Character(code)] ?? ["c"] {
                            switch answer {
                            case "hang": break
                            case "hang up": return
                            case "nonsense": try await outbound.write(ByteBuffer(string: "220 mx.example.net\r\n"))
                            default: try await outbound.write(Self.packet(answer))
                            }
                        }
                        if code == "E" { manner = "" }
                    }
                }
            }
        }
    }

    private static func packet(_ text: String) -> ByteBuffer {
        var data = ByteBuffer(string: String(text.prefix(1)))
        var rest = text.dropFirst(2)
        while rest.hasPrefix("#") {
            let word = rest.prefix { $0 != " " }
            let digits = word.dropFirst()
            data.writeInteger(
                digits.hasPrefix("0x") ? UInt32(digits.dropFirst(2), radix: 16) ?? 0 : UInt32(digits) ?? 0)
            rest = rest.dropFirst(word.count + 1)
        }
        data.writeString(String(rest).replacing("|", with: "\0"))
        var packet = ByteBuffer(integer: UInt32(data.readableBytes))
        packet.writeBuffer(&data)
        return packet
    }
}
