import CoreFoundation  // Where `stat` counts as defined as soon as another file here imports Foundation.
import Glibc

/// A file that was not there before, and that nobody else can read.
enum NewFile {
    /// Writes the pieces one after another. Nothing that is there is written over, and no link followed; on failure nothing
    /// of it remains.
    static func write(_ path: String, _ next: @Sendable () async throws -> [UInt8]?) async throws {
        guard let descriptor = Self.create(path) else {
            let reason =
                errno == EEXIST
                ? "is there already: name another" : "cannot be written: \(String(cString: strerror(errno)))"
            throw Failure("\(path) \(reason)")
        }
        do {
            while let piece = try await next() { try Self.write(piece, to: descriptor, path) }
            guard fsync(descriptor) == 0 else { throw Self.failure(path) }
            close(descriptor)
        } catch {
            close(descriptor)
            unlink(path)
            throw error
        }
    }

    private static func create(_ path: String) -> Int32? {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        return descriptor < 0 ? nil : descriptor
    }

    private static func write(_ octets: [UInt8], to descriptor: Int32, _ path: String) throws {
        var rest = octets[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw Self.failure(path) }
            rest = rest.dropFirst(count)
        }
    }

    private static func failure(_ path: String) -> Failure {
        Failure("\(path) cannot be written: \(String(cString: strerror(errno)))")
    }
}
