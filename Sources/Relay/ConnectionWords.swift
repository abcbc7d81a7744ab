import Glibc
import NIOCore
import NIOPosix
import NIOSSL

/// Why there is no connection, or no TLS on one, in an operator's words. The libraries' own descriptions are for whoever
/// looks for a mistake in a program.
public enum ConnectionWords {
    /// `connection refused`, `timed out`, `wrong version number`
    public static func words(for error: any Error) -> String {
        switch error {
        case ChannelError.connectTimeout: "timed out"
        case let error as NIOConnectionError: self.words(for: error)
        case let error as IOError: String(cString: strerror(error.errnoCode)).lowercased()
        case NIOSSLError.handshakeFailed(let error), NIOSSLError.shutdownFailed(let error): self.words(for: error)
        default: "\(error)"
        }
    }

    private static func words(for error: NIOConnectionError) -> String {
        guard !error.connectionErrors.isEmpty else {
            let failure = [error.dnsAError, error.dnsAAAAError].lazy.compactMap { $0 }.first {
                !($0 is SocketAddressError) && !($0 is SocketAddressError.UnknownHost)
            }
            return failure.map { "DNS: \($0) for \(error.host)" }
                ?? "\(error.host) was not found, or DNS does not answer"
        }
        return error.connectionErrors.map { failure in
            let address = failure.target.ipAddress ?? "?"
            let words = self.words(for: failure.error)
            // Who gave an address need not be told it again.
            return address == error.host ? words : "\(address) \(words)"
        }.joined(separator: "; ")
    }

    /// What TLS broke with: the last part of `error:100000f7:SSL routines:OPENSSL_internal:WRONG_VERSION_NUMBER at …`.
    private static func words(for error: BoringSSLError) -> String {
        let stack: NIOBoringSSLErrorStack
        switch error {
        case .sslError(let errors), .unknownError(let errors): stack = errors
        default: return "TLS failed"
        }
        guard let first = stack.first else { return "TLS failed" }
        if first == .eofDuringHandshake { return "the connection was closed during the TLS handshake" }
        let text = "\(first)"
        guard let name = text.split(separator: ":").last(where: { $0.contains(" at ") })?.split(separator: " ").first,
            name.utf8.allSatisfy({ (0x41...0x5A).contains($0) || (0x30...0x39).contains($0) || $0 == UInt8(ascii: "_") }
            )
        else { return text }
        return name.replacing("_", with: " ").lowercased()
    }
}
