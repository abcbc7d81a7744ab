import Testing

@testable import Relay

@Suite("paths in one run of octets")
struct TextArenaTests {
    @Test("a NUL in what is looked for does not reach into the next text, nor behind the last")
    func nul() {
        var arena = TextArena()
        let first = arena.append("<bob@example.org>")
        let last = arena.append("<x@example.net>")
        #expect(arena.contains(Array("org>".utf8), at: first))
        #expect(!arena.contains(Array("org>\0<x@".utf8), at: first))
        #expect(!arena.contains(Array("net>\0".utf8), at: last))
        #expect(arena.isPath(Array("x@example.net".utf8), at: last))
        #expect(!arena.isPath(Array("bob@example.org>\0<x@example.net".utf8), at: first))
        #expect(!arena.isPath(Array("x@example.net>\0".utf8), at: last))
    }
}
