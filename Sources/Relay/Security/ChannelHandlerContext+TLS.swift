import NIOCore
import NIOSSL

/// The end of a connection with TLS, in place of the library's own: that waits for the other side's good-bye with a timer
/// which goes on, and holds all of the connection, when the other side has hung up without one. Many do.
extension ChannelHandlerContext {
    /// Says good-bye behind what is written (RFC 8446 §6.1). The connection ends with the other side's, or when it hangs up.
    func sayGoodbye() { self.close(mode: .output, promise: nil) }

    /// Hangs up without a good-bye: the peer has not said one in its time, or there is nobody to say it to.
    func hangUpUnderTLS() {
        let operations = self.pipeline.syncOperations
        // A context closes what is before it.
        let tls =
            (try? operations.context(handlerType: NIOSSLServerHandler.self))
            ?? (try? operations.context(handlerType: NIOSSLClientHandler.self))
        (tls ?? self).close(promise: nil)
    }
}

extension Channel {
    /// Hangs up from any thread, without a good-bye that would be waited for.
    func hangUpUnderTLS() {
        self.eventLoop.execute {
            let tls = try? self.pipeline.syncOperations.context(handlerType: NIOSSLServerHandler.self)
            if let tls { tls.close(promise: nil) } else { self.close(promise: nil) }
        }
    }
}
