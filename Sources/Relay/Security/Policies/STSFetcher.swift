import AsyncHTTPClient
import DNS
import NIOCore
import NIOHTTP1
import TLSPolicy

/// Fetches the MTA-STS policy of a domain (RFC 8461 §3.3): by HTTPS from a host whose certificate an authority stands for,
/// within bounds, and without following anybody elsewhere.
struct STSFetcher: Sendable {
    struct Settings: Sendable, Hashable {
        /// PEM; `nil`: those of this machine.
        var authorities: String?
        var port: Int

        init(_ configuration: RelayConfiguration) {
            self.authorities = configuration.delivery.stsAuthorities
            self.port = configuration.delivery.stsPort
        }
    }
    /// §3.3 has a minute.
    private static let patience = TimeAmount.seconds(60)

    private let web: WebClient

    init(dns: StubResolver, group: any EventLoopGroup) { self.web = WebClient(dns: dns, group: group) }

    /// - Throws: ``TLSFailure``, in a few words.
    func policy(of domain: String, _ settings: Settings) async throws(TLSFailure) -> STSPolicy {
        let host = "mta-sts.\(domain)"
        let port = settings.port == 443 ? "" : ":\(settings.port)"
        let request = HTTPClientRequest(url: "https://\(host)\(port)/.well-known/mta-sts.txt")
        do {
            return try await self.web.exchange(
                request, with: host, authorities: settings.authorities, until: .now() + Self.patience,
                Self.policy(in:))
        } catch {
            switch error {
            case let failure as TLSFailure: throw failure
            case let failure as WebFailure where failure.isOfCertificate:
                throw TLSFailure(.stsWebPKIInvalid, "\(failure)")
            case let error as STSPolicyError: throw TLSFailure(.stsPolicyInvalid, "it \(error)")
            case is NIOTooManyBytesError: throw TLSFailure(.stsPolicyInvalid, "it is longer than 64 KiB")
            case let failure as WebFailure: throw TLSFailure(.stsPolicyFetchError, "\(failure)")
            default: throw TLSFailure(.stsPolicyFetchError, "\(WebFailure(error, of: host))")
            }
        }
    }

    private static func policy(in response: HTTPClientResponse) async throws -> STSPolicy {
        guard response.status == .ok else {
            throw TLSFailure(.stsPolicyFetchError, "HTTP \(response.status.code)")
        }
        let type = response.headers.first(name: "content-type")?.lowercased() ?? ""
        guard type.split(separator: ";").first?.filter({ $0 != " " }) == "text/plain" else {
            throw TLSFailure(.stsPolicyInvalid, "it is no text/plain")
        }
        let body = try await response.body.collect(upTo: STSPolicy.octetsLimit)
        guard let text = String(validating: body.readableBytesView, as: UTF8.self) else {
            throw TLSFailure(.stsPolicyInvalid, "it is not UTF-8 text")
        }
        return try STSPolicy(text: text)
    }
}
