import DNS
import NIOCore
import NIOPosix

/// DNS for the demo: knows one domain by its mail exchanger, and nothing else.
final class DemoNameServer: Sendable {
    static let domain = "mail.example"
    static let exchanger = "mailboxes.example"

    let address: ServerAddress
    private let channel: any Channel

    private init(_ address: ServerAddress, _ channel: any Channel) {
        self.address = address
        self.channel = channel
    }

    static func start() async throws -> DemoNameServer {
        let channel = try await DatagramBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Answering()) }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        guard let address = channel.localAddress?.port.flatMap({ ServerAddress("127.0.0.1:\($0)") }) else {
            throw Failure("the demo's name server has no port")
        }
        return DemoNameServer(address, channel)
    }

    func stop() async { try? await self.channel.close() }
}

/// One answer for each question (RFC 1035 §4.1).
private final class Answering: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    typealias OutboundOut = AddressedEnvelope<ByteBuffer>

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let envelope = self.unwrapInboundIn(data)
        guard let answer = Self.answer(to: envelope.data) else { return }
        context.writeAndFlush(
            self.wrapOutboundOut(AddressedEnvelope(remoteAddress: envelope.remoteAddress, data: answer)), promise: nil)
    }

    private static func answer(to query: ByteBuffer) -> ByteBuffer? {
        var query = query
        // Its number; then flags, and how many questions and records there are.
        guard let number = query.readInteger(as: UInt16.self), query.readSlice(length: 10) != nil,
            let name = self.readName(&query), let type = query.readInteger(as: UInt16.self)
        else { return nil }
        let record = self.record(name, type)
        var answer = ByteBuffer()
        let isKnown = [DemoNameServer.domain, DemoNameServer.exchanger].contains(name)
        // An answer with authority, for who asked for recursion; 3: there is no such name.
        answer.writeMultipleIntegers(
            number, UInt16(isKnown ? 0x8580 : 0x8583), UInt16(1), UInt16(record == nil ? 0 : 1))
        answer.writeMultipleIntegers(UInt16(0), UInt16(0))
        answer.writeBytes(self.octets(of: name))
        answer.writeMultipleIntegers(type, UInt16(1))
        if let record {
            // The name of the question, for an hour.
            answer.writeMultipleIntegers(UInt16(0xC00C), type, UInt16(1), UInt32(3600), UInt16(record.count))
            answer.writeBytes(record)
        }
        return answer
    }

    private static func record(_ name: String, _ type: UInt16) -> [UInt8]? {
        switch (name, type) {
        case (DemoNameServer.domain, 15): [0, 10] + self.octets(of: DemoNameServer.exchanger)
        case (DemoNameServer.exchanger, 1): [127, 0, 0, 1]
        default: nil
        }
    }

    private static func octets(of name: String) -> [UInt8] {
        name.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0]
    }

    private static func readName(_ query: inout ByteBuffer) -> String? {
        var labels: [String] = []
        while let count = query.readInteger(as: UInt8.self) {
            if count == 0 { return labels.joined(separator: ".") }
            guard count <= 63, let label = query.readString(length: Int(count)) else { return nil }
            labels.append(label.lowercased())
        }
        return nil
    }
}
