import Foundation
import NIOConcurrencyHelpers
import NIOCore
import Testing

@testable import Relay

@Suite("memory for content")
struct ContentMemoryTests {
    @Test("the more sessions share, the smaller their pieces, and all of them together need about the same")
    func pieces() {
        let memory = ContentMemory()
        var shares: [ContentMemory.Share] = []
        for count in [1, 64, 200, 1024, 4096] {
            while shares.count < count { shares.append(memory.share()) }
            #expect(count * shares[0].pieceOctets <= 8 << 20)
            #expect(memory.readOctets <= 2 * shares[0].pieceOctets)
        }
        #expect(shares[0].isScarce)
        shares.removeLast(4095)
        #expect(!shares[0].isScarce)
        #expect(shares[0].pieceOctets == 128 << 10)
    }

    @Test("a few channels may keep a large buffer, and when one ends another may")
    func keepers() throws {
        let memory = ContentMemory()
        var keepers: [ContentMemory.Keeper] = []
        while keepers.count < 1000, let keeper = memory.keeper() { keepers.append(keeper) }
        #expect(keepers.count == 32)
        keepers.removeLast()
        let another = memory.keeper()
        #expect(another != nil)
        #expect(memory.keeper() == nil)
    }

    @Test("what many pieces left behind between what stays goes back to the system")
    func trim() throws {
        let memory = ContentMemory()
        var blocks = (0..<40_000).map { _ in ByteBuffer(repeating: 1, count: 1500) }
        blocks = blocks.enumerated().filter { $0.offset % 16 == 0 }.map(\.element)
        let before = try Self.residentOctets()
        let calls = NIOLockedValueBox(0)
        memory.whenCrowded { calls.withLockedValue { $0 += 1 } }
        var shares = (0..<1023).map { _ in memory.share() }
        #expect(calls.withLockedValue { $0 } == 0)
        shares += (0..<2).map { _ in memory.share() }
        #expect(calls.withLockedValue { $0 } == 1)
        #expect(memory.trim())
        #expect(try Self.residentOctets() < before - (20 << 20))
        // Until few are left; then a new crowd is told again.
        shares.removeLast(1025 - 63)
        #expect(!memory.trim())
        shares += (0..<1024).map { _ in memory.share() }
        #expect(calls.withLockedValue { $0 } == 2)
        withExtendedLifetime((blocks, shares)) {}
    }

    private static func residentOctets() throws -> Int {
        let pages = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")[1]
        return try #require(Int(pages)) * Int(sysconf(Int32(_SC_PAGESIZE)))
    }
}
