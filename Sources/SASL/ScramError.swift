/// Why a SCRAM exchange failed, on either side. No case holds a secret, and none tells a client whether a user exists.
public enum ScramError: Error, Equatable, Sendable {
    /// The other side's message breaks the grammar of RFC 5802 §7.
    case malformed(ScramMessage)
    /// A mandatory extension (`m=`), of which none is defined (RFC 5802 §5.1).
    case mandatoryExtension
    /// The client wants to act as somebody else.
    case authorizationRefused
    /// The client believes that channel binding is not offered, and it is: somebody is between (RFC 5802 §6).
    case downgrade
    /// The client must bind to the channel under SCRAM-SHA-256-PLUS and may not under SCRAM-SHA-256.
    case bindingForOtherMechanism
    /// Only `tls-server-end-point` is known here.
    case bindingTypeUnsupported
    /// The other side sees another certificate, or another GS2 header.
    case bindingMismatch
    case nonceMismatch
    /// Wrong password, or no such user.
    case wrongCredentials
    /// The server wants more rounds than ``ScramClient/allowedIterations`` has, or fewer.
    case iterationsRefused(Int)
    /// The server does not know the password either: it is another one (RFC 5802 §3).
    case wrongServerSignature
    /// The server's `e=`.
    case refused(String)
    /// A message after the last.
    case finished

    public enum ScramMessage: Sendable { case clientFirst, serverFirst, clientFinal, serverFinal }
}
