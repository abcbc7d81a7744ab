import AsyncHTTPClient
import DNS
import NIOCore
import NIOHTTP1
import NIOSSL
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

    let dns: StubResolver
    let group: any EventLoopGroup

    /// - Throws: ``STSPolicyError``, in a few words.
    func policy(of domain: String, _ settings: Settings) async throws -> STSPolicy {
        let host = "mta-sts.\(domain)"
        let deadline = NIODeadline.now() + Self.patience
        var failure = STSPolicyError("DNS: \(host) has no address")
        for address in try await self.addresses(of: host).prefix(4) {
            do { return try await self.policy(from: host, at: address, settings, until: deadline) } catch {
                failure = STSPolicyError(Self.words(for: error, of: host))
                // What came from the host is its word; another address is for one that does not answer.
                if error is STSPolicyError { break }
            }
        }
        throw failure
    }

    private func addresses(of host: String) async throws -> [String] {
        let loop = self.group.next()
        let four = try await self.dns.lookUp(A.self, of: host, on: loop).get()
        let six = try await self.dns.lookUp(AAAA.self, of: host, on: loop).get()
        if four.records.isEmpty, six.records.isEmpty, case .failed(let failure) = four.content {
            throw STSPolicyError("DNS: \(failure) for \(host) A")
        }
        let octets = four.records.map(\.octets) + six.records.map(\.octets)
        return octets.compactMap { try? SocketAddress(packedIPAddress: ByteBuffer(bytes: $0), port: 0).ipAddress }
    }

    private func policy(
        from host: String, at address: String, _ settings: Settings, until deadline: NIODeadline
    ) async throws -> STSPolicy {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv12
        if let authorities = settings.authorities { tls.trustRoots = .file(authorities) }
        var configuration = HTTPClient.Configuration(tlsConfiguration: tls, redirectConfiguration: .disallow)
        configuration.timeout = .init(connect: .seconds(10), read: .seconds(30))
        configuration.httpVersion = .http1Only
        // It asks no resolver of its own.
        configuration.dnsOverride = [host: address]
        configuration.connectionPool.retryConnectionEstablishment = false
        let client = HTTPClient(eventLoopGroupProvider: .shared(self.group), configuration: configuration)
        let result: Result<STSPolicy, any Error>
        do {
            let port = settings.port == 443 ? "" : ":\(settings.port)"
            let request = HTTPClientRequest(url: "https://\(host)\(port)/.well-known/mta-sts.txt")
            let response = try await client.execute(request, deadline: deadline)
            guard response.status == .ok else { throw STSPolicyError("HTTP \(response.status.code)") }
            let type = response.headers.first(name: "content-type")?.lowercased() ?? ""
            guard type.split(separator: ";").first?.filter({ $0 != " " }) == "text/plain" else {
                throw STSPolicyError("it is no text/plain")
            }
            let body = try await response.body.collect(upTo: STSPolicy.octetsLimit)
            guard let text = String(validating: body.readableBytesView, as: UTF8.self) else {
                throw STSPolicyError("it is not UTF-8 text")
            }
            do { result = .success(try STSPolicy(text: text)) } catch { throw STSPolicyError("it \(error)") }
        } catch { result = .failure(error) }
        try? await client.shutdown()
        return try result.get()
    }

    private static func words(for error: any Error, of host: String) -> String {
        switch error {
        case let error as STSPolicyError: return error.description
        case let error as HTTPClientError: return error.shortDescription
        case let error as NIOSSLExtraError where error == .failedToValidateHostname:
            return "the certificate is not for \(host)"
        case is NIOTooManyBytesError: return "it is longer than 64 KiB"
        default:
            let text = "\(error)"
            return text.contains("CERTIFICATE_VERIFY_FAILED")
                ? "no authority stands for the certificate" : String(text.prefix(200))
        }
    }
}
