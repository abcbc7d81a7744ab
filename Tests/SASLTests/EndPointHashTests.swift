import SMTP
import Testing

@testable import SASL

@Suite("tls-server-end-point")
struct EndPointHashTests {
    @Test(
        "the hash is that of the certificate's signature, SHA-256 at least (RFC 5929 §4.1)",
        arguments: Self.certificates)
    func hash(of certificate: Certificate) throws {
        let octets = try #require(Base64.decode(certificate.base64.utf8))
        let hash = EndPointHash.of(certificate: octets)
        #expect(hash.map { $0.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() } == certificate.hash)
    }

    @Test("a certificate cut short anywhere, or with any octet changed, never traps")
    func damaged() throws {
        for certificate in Self.certificates {
            let octets = try #require(Base64.decode(certificate.base64.utf8))
            for count in octets.indices {
                #expect(EndPointHash.of(certificate: Array(octets[..<count])) == nil)
                for value: UInt8 in [0, 0x7F, 0x80, 0x84, 0x85, 0xFF] {
                    var changed = octets
                    changed[count] = value
                    _ = EndPointHash.of(certificate: changed)
                }
            }
        }
    }

    struct Certificate: Sendable, CustomTestStringConvertible {
        var name: String
        var base64: String
        var hash: String?
        var testDescription: String { self.name }
    }

    /// Made with `openssl req -x509`, hashed by another program.
    static let certificates = [
        Certificate(
            name: "ECDSA with SHA-256",
            base64: """
                MIIBWzCCAQKgAwIBAgIBATAKBggqhkjOPQQDAjAMMQowCAYDVQQDDAF4MCAXDTI2MTEyNTA0NDgxNFoYDzIxMjYxMTAxMDQ0ODE0\
                WjAMMQowCAYDVQQDDAF4MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE0aiMNsNJ29QmkyVGRviSzsValg0jnpADI6/HHlCwiCc+\
                dJdZHy9c1+vGCkorCDX8CdLcDKDkegqMyPOhfsDI/qNTMFEwHQYDVR0OBBYEFKr1fEhVscJiOdG6WJ2GEse9RWdIMB8GA1UdIwQY\
                MBaAFKr1fEhVscJiOdG6WJ2GEse9RWdIMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDRwAwRAIgH+lQEZjKBLys9W4h/K0d\
                pqEDoUz/3XW88QkxheIQXNoCIDKlH/MxBpeXI/QaGsg4GD0veUSc/bt5G4FwaGOWKovz
                """,
            hash: "0193ff175e56af47e9e03cd259000a48b121d61ba0dd96edef86438f9f0df390"),
        Certificate(
            name: "ECDSA with SHA-384",
            base64: """
                MIIBXTCCAQKgAwIBAgIBATAKBggqhkjOPQQDAzAMMQowCAYDVQQDDAF4MCAXDTI2MTEyNTA0NDgxNFoYDzIxMjYxMTAxMDQ0ODE0\
                WjAMMQowCAYDVQQDDAF4MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEeLi9FEcLI53qQoC20fmTCxOLGdkkRvixIMSHPZEB0/SP\
                aHrjKbPfblI87K/8aAOz+7uFey9zT6XuB54PO0DY9aNTMFEwHQYDVR0OBBYEFMCSWUP29/TQGQp5PSZgj8ZsYOELMB8GA1UdIwQY\
                MBaAFMCSWUP29/TQGQp5PSZgj8ZsYOELMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwMDSQAwRgIhALtVuz4ii8dPu8h5H4Jv\
                sKWrYOVwxVjs5z6Fqn9ws45fAiEA/oawRqdGYbG34z0oFYh1urtPr0t74gE73q43ZqGOfY8=
                """,
            hash: "2b01b35d980248ad36850c0849d874a6768a8696fc4eda2ed815af6ea8ac5f69"
                + "77f21c9d6bc1abcb09ba74b4d5a04613"),
        Certificate(
            name: "RSA with SHA-1",
            base64: """
                MIIB4zCCAUygAwIBAgIBATANBgkqhkiG9w0BAQUFADAMMQowCAYDVQQDDAF4MCAXDTI2MTEyNTA0NDgxNFoYDzIxMjYxMTAxMDQ0\
                ODE0WjAMMQowCAYDVQQDDAF4MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDGXPC/0DDkLq3TGK9HYGIKxFaaDyjvN++8X4KE\
                Y610axk46mWS+RGO3bBeD8t9fq7zWLS2ReK0W/CVqc3wKJUueu3hVscQuXTwPx0Mb7kDhlRqxcosZE3Bbw4FXr+WCxbe7gkYfUR5\
                GYKjOo+S+70r9LSipsKeVo5fyLUznZ3WlQIDAQABo1MwUTAdBgNVHQ4EFgQUoDnJoBVUMY94o9pCQCZ6nnEuE/MwHwYDVR0jBBgw\
                FoAUoDnJoBVUMY94o9pCQCZ6nnEuE/MwDwYDVR0TAQH/BAUwAwEB/zANBgkqhkiG9w0BAQUFAAOBgQBkc91BY/pT/GpXnxFgqZDP\
                v1RWBvjI6VZz4at2KqxBMONbc8fwoBv9DRVCciQ6xMM0gxz5/9rM/FrGOTP/MXq/+G58NEE+UqdsogrNJrWic0xKs7aV2QnbP5Ch\
                4c2oj3C6FPnEFClXEYP3BDfA85uKzjl+vEyo8fQC6TAi+n9akQ==
                """,
            hash: "5938a66eb581bcfe9392fd0702abae67727d1c6119b4f662deae77b3a4966a7e"),
        Certificate(
            name: "RSA with SHA-256",
            base64: """
                MIIB4zCCAUygAwIBAgIBATANBgkqhkiG9w0BAQsFADAMMQowCAYDVQQDDAF4MCAXDTI2MTEyNTA0NDgxNFoYDzIxMjYxMTAxMDQ0\
                ODE0WjAMMQowCAYDVQQDDAF4MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCx/t0gPKn4FzGeIwFGdwwIauMX3zj4bO9pGOgM\
                p32BJEfXI41JU0fYlrodPQPrCZRK3Gt1aGa7Ny6gcby9/vV5uHKanhA8kYoxcy3LQKe0CXSOaKWqpU+HK5ztTjpikagsp9C5fe52\
                oHJl1/W951O3dNNAxTNX58GGQ46QFoghewIDAQABo1MwUTAdBgNVHQ4EFgQUIYTcROvtcxtKKsFC7qwgeVnz7i0wHwYDVR0jBBgw\
                FoAUIYTcROvtcxtKKsFC7qwgeVnz7i0wDwYDVR0TAQH/BAUwAwEB/zANBgkqhkiG9w0BAQsFAAOBgQCZNBluVm7G1b3cZ6jedjRx\
                RnUR8lwkmDsv0BKHF6g663WVSWDkRBj5I2QOZGcgUQTwOHGlPVJyw0dNg9kIAEHkr6PHcH2kq6miZJdOfjXvpr1UNF7WNKZGDeGj\
                c27vsjk5VBGG6e/L0xhkA48IrRjostzP1Db7YjJ7dgad8tif8A==
                """,
            hash: "d401968e451cf1c160395d796f2b1884f2f50807a9fdc7ef88f5cf6cc53a2438"),
        Certificate(
            name: "RSA with SHA-512",
            base64: """
                MIIB4zCCAUygAwIBAgIBATANBgkqhkiG9w0BAQ0FADAMMQowCAYDVQQDDAF4MCAXDTI2MTEyNTA0NDgxNFoYDzIxMjYxMTAxMDQ0\
                ODE0WjAMMQowCAYDVQQDDAF4MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCdKKikPmv4EiendIt1+OJsXep4yIhfGdweAkUj\
                17bwmEDImSTE1UMqWx47rVKRxhwyRZSxmGj4tMq6hJdevUBfN1fSTgzk8fNX/ru+wedU4A55OZeBAVzpq4FbBhXF1MpJfStUzVMY\
                p9767A4NqHhXtgVVXtkiA+b+Wy6QJsoC6wIDAQABo1MwUTAdBgNVHQ4EFgQU1ezPnYakNhCtbBv74gGEYuH8L+MwHwYDVR0jBBgw\
                FoAU1ezPnYakNhCtbBv74gGEYuH8L+MwDwYDVR0TAQH/BAUwAwEB/zANBgkqhkiG9w0BAQ0FAAOBgQCDLEhpQXCH2WQ9LKCsPKiE\
                V7BNFnbLYS3IsPbpeHg1aDDYyKq79N+NUn3o/VI9WDGhkyt/0nZ+yFRSIfpBV4FFbbq7gkhPc7odbLde8W2bLgXBQbAXYk+BOdCG\
                2yfklJpYHcyLASH/mDMUWHPU4eMrSNzhfKmpfj9tA0QJh1d/LA==
                """,
            hash: "ca7a3ed07dbe8634a60b74d3cb4ff809843322632ece36772bd7ee3e9349d092"
                + "92e199b6f9cb3a72effd42d6a1743fe530ab1d5aad5a6a4f87c14940d955e9af"),
        Certificate(
            name: "Ed25519",
            base64: """
                MIIBGzCBzqADAgECAgEBMAUGAytlcDAMMQowCAYDVQQDDAF4MCAXDTI2MTEyNTA0NDgxNFoYDzIxMjYxMTAxMDQ0ODE0WjAMMQow\
                CAYDVQQDDAF4MCowBQYDK2VwAyEAPzlHVzlF42D7fKfa2YkjbJf0zGhjWvrzaE6ofFfqoyCjUzBRMB0GA1UdDgQWBBT4e/ZXaI+m\
                IQWzJu7Adh5zQ4gP5TAfBgNVHSMEGDAWgBT4e/ZXaI+mIQWzJu7Adh5zQ4gP5TAPBgNVHRMBAf8EBTADAQH/MAUGAytlcANBADVS\
                lVd/HU9h5D5iHGO66T2BKTtsNdcL/GLpNIRoIsCmktHO3RYXG9SkSLcifxtXA7UMQKD7vzuIwRHnH7R73Ac=
                """,
            hash: nil),
    ]
}
