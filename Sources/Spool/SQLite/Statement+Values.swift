import GRDB
import GRDBSQLite
import NIOCore

/// What goes into a column as it is. GRDB's own arguments make arrays of boxed values, some hundred allocations for a
/// message on its way.
protocol ColumnValue {
    func bind(to statement: OpaquePointer, at index: CInt) -> CInt
}

extension Statement {
    /// Executes it with these values for its question marks, in order. It returns no rows.
    func run<each Value: ColumnValue>(_ values: repeat each Value) throws {
        let statement = self.sqliteStatement
        defer {
            sqlite3_reset(statement)
            sqlite3_clear_bindings(statement)
        }
        var index: CInt = 0
        for value in repeat each values {
            index += 1
            try self.check(value.bind(to: statement, at: index), SQLITE_OK)
        }
        try self.check(sqlite3_step(statement), SQLITE_DONE)
    }

    private func check(_ code: CInt, _ expected: CInt) throws {
        guard code != expected else { return }
        throw DatabaseError(
            resultCode: ResultCode(rawValue: code),
            message: String(cString: sqlite3_errmsg(sqlite3_db_handle(self.sqliteStatement))), sql: self.sql)
    }
}

extension Int64: ColumnValue {
    func bind(to statement: OpaquePointer, at index: CInt) -> CInt { sqlite3_bind_int64(statement, index, self) }
}
extension Int: ColumnValue {
    func bind(to statement: OpaquePointer, at index: CInt) -> CInt { Int64(self).bind(to: statement, at: index) }
}
extension UInt32: ColumnValue {
    func bind(to statement: OpaquePointer, at index: CInt) -> CInt { Int64(self).bind(to: statement, at: index) }
}
extension Bool: ColumnValue {
    func bind(to statement: OpaquePointer, at index: CInt) -> CInt { (self ? 1 : 0).bind(to: statement, at: index) }
}
extension String: ColumnValue {
    func bind(to statement: OpaquePointer, at index: CInt) -> CInt {
        var text = self
        return text.withUTF8 { octets in
            octets.withMemoryRebound(to: CChar.self) {
                sqlite3_bind_text(statement, index, $0.baseAddress, CInt($0.count), copied)
            }
        }
    }
}
extension ByteBuffer: ColumnValue {
    func bind(to statement: OpaquePointer, at index: CInt) -> CInt {
        self.withUnsafeReadableBytes {
            $0.isEmpty
                ? sqlite3_bind_zeroblob(statement, index, 0)
                : sqlite3_bind_blob(statement, index, $0.baseAddress, CInt($0.count), copied)
        }
    }
}
extension Optional: ColumnValue where Wrapped: ColumnValue {
    func bind(to statement: OpaquePointer, at index: CInt) -> CInt {
        self?.bind(to: statement, at: index) ?? sqlite3_bind_null(statement, index)
    }
}

/// `SQLITE_TRANSIENT`: SQLite keeps a copy of its own.
private let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
