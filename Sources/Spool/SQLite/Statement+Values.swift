import GRDB
import GRDBSQLite
import NIOCore

/// Puts values in the place of a statement's question marks, in order. GRDB's own arguments make arrays of boxed values, some
/// hundred allocations for a message on its way.
struct Binder {
    private let statement: OpaquePointer
    private var index: CInt = 0
    /// What SQLite said of the first value that it refused.
    fileprivate private(set) var code = SQLITE_OK

    fileprivate init(_ statement: OpaquePointer) { self.statement = statement }

    private mutating func next(_ bind: (_ statement: OpaquePointer, _ index: CInt) -> CInt) {
        self.index += 1
        let code = bind(self.statement, self.index)
        if self.code == SQLITE_OK { self.code = code }
    }

    mutating func bind(_ value: Int64) { self.next { sqlite3_bind_int64($0, $1, value) } }
    mutating func bind(_ value: Int64?) { if let value { self.bind(value) } else { self.bindNull() } }
    mutating func bind(_ value: Int?) { self.bind(value.map(Int64.init)) }
    mutating func bind(_ value: UInt32) { self.bind(Int64(value)) }
    mutating func bind(_ value: Bool) { self.bind(value ? 1 : 0) }

    mutating func bind(_ text: String?) {
        guard var text else { return self.bindNull() }
        text.withUTF8 { octets in
            octets.withMemoryRebound(to: CChar.self) { octets in
                self.next { sqlite3_bind_text($0, $1, octets.baseAddress, CInt(octets.count), copied) }
            }
        }
    }

    mutating func bind(_ octets: ByteBuffer?) { if let octets { self.bind(octets) } else { self.bindNull() } }
    mutating func bind(_ octets: ByteBuffer) { octets.withUnsafeReadableBytes { self.bind($0) } }
    mutating func bind(_ octets: [UInt8]) { octets.withUnsafeBytes { self.bind($0) } }
    mutating func bind(_ octets: [UInt8]?) { if let octets { self.bind(octets) } else { self.bindNull() } }

    private mutating func bind(_ octets: UnsafeRawBufferPointer) {
        self.next {
            octets.isEmpty
                ? sqlite3_bind_zeroblob($0, $1, 0)
                : sqlite3_bind_blob($0, $1, octets.baseAddress, CInt(octets.count), copied)
        }
    }

    private mutating func bindNull() { self.next { sqlite3_bind_null($0, $1) } }
}

extension Statement {
    /// Executes it with the values that the body gives. It returns no rows.
    func run(_ body: (inout Binder) -> Void) throws {
        let statement = self.sqliteStatement
        defer {
            sqlite3_reset(statement)
            sqlite3_clear_bindings(statement)
        }
        var binder = Binder(statement)
        body(&binder)
        try self.check(binder.code, SQLITE_OK)
        try self.check(sqlite3_step(statement), SQLITE_DONE)
    }

    private func check(_ code: CInt, _ expected: CInt) throws {
        guard code != expected else { return }
        throw DatabaseError(
            resultCode: ResultCode(rawValue: code),
            message: String(cString: sqlite3_errmsg(sqlite3_db_handle(self.sqliteStatement))), sql: self.sql)
    }
}

/// `SQLITE_TRANSIENT`: SQLite keeps a copy of its own.
private let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
