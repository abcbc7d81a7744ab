import AsyncHTTPClient
import DNS
import NIOCore
import NIOSSL

/// Speaks HTTPS with a host whose addresses come from our own resolver, and whose certificate an authority stands for;
/// within bounds, and without following anybody elsewhere.
struct WebClient: Sendable {
    /// Addresses of a host that are tried.
    private static let addresses = 4

    let dns: StubResolver
    let group: any EventLoopGroup

    /// One request, by a connection of its own.
    ///
    /// - Parameters:
    ///   - host: as the request's URL has it.
    ///   - authorities: a PEM file; `nil`: those of this machine.
    ///   - body: is given the response. What it throws is thrown as it is.
    /// - Throws: ``WebFailure`` where there is no response.
    func exchange<Value: Sendable>(
        _ request: HTTPClientRequest, with host: String, authorities: String?, until deadline: NIODeadline,
        _ body: @Sendable (HTTPClientResponse) async throws -> Value
    ) async throws -> Value {
        var failure = WebFailure("DNS: \(host) has no address")
        for address in try await self.addresses(of: host).prefix(Self.addresses) {
            let client = HTTPClient(
                eventLoopGroupProvider: .shared(self.group),
                configuration: Self.configuration(host, at: address, authorities))
            let result: Result<Value, any Error>
            var isAnswered = false
            do {
                let response = try await client.execute(request, deadline: deadline)
                isAnswered = true
                result = .success(try await body(response))
            } catch { result = .failure(error) }
            try? await client.shutdown()
            switch result {
            case .success(let value): return value
            // What came from the host is its word; another address is for one that does not answer.
            case .failure(let error) where isAnswered: throw error
            case .failure(let error): failure = WebFailure(error, of: host)
            }
        }
        throw failure
    }

    private func addresses(of host: String) async throws -> [String] {
        let loop = self.group.next()
        let four = try await self.dns.lookUp(A.self, of: host, on: loop).get()
        let six = try await self.dns.lookUp(AAAA.self, of: host, on: loop).get()
        if four.records.isEmpty, six.records.isEmpty, case .failed(let failure) = four.content {
            throw WebFailure("DNS: \(failure) for \(host) A")
        }
        let octets = four.records.map(\.octets) + six.records.map(\.octets)
        return octets.compactMap { try? SocketAddress(packedIPAddress: ByteBuffer(bytes: $0), port: 0).ipAddress }
    }

    private static func configuration(
        _ host: String, at address: String, _ authorities: String?
    ) -> HTTPClient.Configuration {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv12
        if let authorities { tls.trustRoots = .file(authorities) }
        var configuration = HTTPClient.Configuration(tlsConfiguration: tls, redirectConfiguration: .disallow)
        configuration.timeout = .init(connect: .seconds(10), read: .seconds(30))
        configuration.httpVersion = .http1Only
        // It asks no resolver of its own.
        configuration.dnsOverride = [host: address]
        configuration.connectionPool.retryConnectionEstablishment = false
        return configuration
    }
}

/// Why a host gave no response, in a few words.
struct WebFailure: Error, CustomStringConvertible {
    let description: String
    /// It answered, and its certificate was not taken.
    var isOfCertificate = false

    init(_ description: String) { self.description = description }

    init(_ error: any Error, of host: String) {
        switch error {
        case let error as HTTPClientError: self.description = error.shortDescription
        case let error as NIOSSLExtraError where error == .failedToValidateHostname:
            self.description = "the certificate is not for \(host)"
            self.isOfCertificate = true
        default:
            self.isOfCertificate = "\(error)".contains("CERTIFICATE_VERIFY_FAILED")
            self.description =
                self.isOfCertificate
                ? "no authority stands for the certificate" : String(ConnectionWords.words(for: error).prefix(200))
        }
    }
}
