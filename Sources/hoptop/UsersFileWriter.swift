import SASL

/// Changes a users file.
enum UsersFileWriter {
    /// Puts what `change` makes of the file at `path` in its place, as ``PrivateFile`` does.
    static func change(_ path: String, _ change: (UsersFile) throws(Failure) -> String) throws(Failure) {
        try PrivateFile.change(path) { text throws(Failure) in
            let file: UsersFile
            do throws(UsersFileError) {
                file = try UsersFile(text: text, file: path)
            } catch { throw Failure(error) }
            return try change(file)
        }
    }
}
