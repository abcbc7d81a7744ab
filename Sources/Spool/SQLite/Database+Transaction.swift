import GRDB

extension Database {
    /// One whose BEGIN and COMMIT are compiled once; `inTransaction` compiles them each time.
    ///
    /// GRDB executes them, not ``Statement/run(_:)``: it tells where transactions end by the statements that it executes, and
    /// would take a COMMIT that it did not see for one in the midst of the next transaction.
    ///
    /// - Throws: what `body` throws, or why it could not be committed; nothing of it remains then.
    func inCompiledTransaction(_ body: () throws -> Void) throws {
        try self.cachedStatement(sql: "BEGIN IMMEDIATE").execute()
        do {
            try body()
            try self.cachedStatement(sql: "COMMIT").execute()
        } catch {
            // Does nothing where SQLite has done it by itself. What went wrong first is what the caller is told.
            try? self.rollback()
            throw error
        }
    }
}
