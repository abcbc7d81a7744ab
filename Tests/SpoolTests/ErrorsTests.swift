import GRDB
import Glibc
import Testing

@testable import Spool

@Suite("what callers are told of errors")
struct ErrorsTests {
    @Test("what cannot be read is told as that, and not as what cannot be written")
    func words() throws {
        let read = SpoolError(FileError(EIO), reading: true)
        #expect(read.description.contains("cannot be read"))
        let locked = DatabaseError(resultCode: .SQLITE_BUSY)
        #expect(SpoolError(locked, reading: true).description.contains("cannot be read"))
        #expect(SpoolError(locked).description.contains("cannot be written"))
        #expect(read.code == .unavailable)
    }
}
