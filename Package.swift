// swift-tools-version: 6.2
import PackageDescription

/// A program that is released brings its Swift along: it runs where there is none, and calls it directly.
let released = BuildSettingCondition.when(platforms: [.linux], configuration: .release)
let linking: [LinkerSetting] = [.unsafeFlags(["-static-stdlib"], released)]

let settings: [SwiftSetting] =
    [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        // A message passes through six of our modules; what is small enough is inlined across them. Exclusive access is
        // checked in debug builds, and so by all tests.
        .unsafeFlags(
            ["-cross-module-optimization", "-enforce-exclusivity=unchecked"], .when(configuration: .release)),
        .unsafeFlags(["-static-stdlib"], released),
    ] + (Context.environment["CI"] == nil ? [] : [.treatAllWarnings(as: .error)])

/// A room of the house; who may know whom is said in this file.
func room(
    _ name: String, _ dependencies: [Target.Dependency], exclude: [String] = [], resources: [Resource] = []
) -> Target {
    .target(
        name: name, dependencies: dependencies, exclude: exclude, resources: resources, swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .testTarget(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: settings)
}

let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let toml: Target.Dependency = .product(name: "TOMLKit", package: "TOMLKit")
let ordered: Target.Dependency = .product(name: "OrderedCollections", package: "swift-collections")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let nioConcurrency: Target.Dependency = .product(name: "NIOConcurrencyHelpers", package: "swift-nio")
let grdb: Target.Dependency = .product(name: "GRDB", package: "GRDB.swift")
let sqlite: Target.Dependency = .product(name: "GRDBSQLite", package: "GRDB.swift")
let heap: Target.Dependency = .product(name: "HeapModule", package: "swift-collections")
let histogram: Target.Dependency = .product(name: "Histogram", package: "hdrhistogram-swift")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let cryptoExtras: Target.Dependency = .product(name: "CryptoExtras", package: "swift-crypto")
let nioSSL: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")
let nioTLS: Target.Dependency = .product(name: "NIOTLS", package: "swift-nio")
let x509: Target.Dependency = .product(name: "X509", package: "swift-certificates")
let asn1: Target.Dependency = .product(name: "SwiftASN1", package: "swift-asn1")
let httpClient: Target.Dependency = .product(name: "AsyncHTTPClient", package: "async-http-client")
let nioHTTP1: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let nioEmbedded: Target.Dependency = .product(name: "NIOEmbedded", package: "swift-nio")
let coreMetrics: Target.Dependency = .product(name: "CoreMetrics", package: "swift-metrics")
let deque: Target.Dependency = .product(name: "DequeModule", package: "swift-collections")

/// The rooms, as the packages of the benchmarks and of the fuzzers take them. The programs that tests preload are libraries
/// of their own.
let rooms = ["SMTP", "Mail", "Milter", "Spool", "Monitor", "Relay", "Screen"]
let preloaded = ["DiskRecorder", "DiskFaults"]

let package = Package(
    name: "hoptop", platforms: [.macOS(.v15)],
    products: rooms.map { .library(name: $0, targets: [$0]) }
        + preloaded.map { .library(name: $0, type: .dynamic, targets: [$0]) },
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.0"),
        .package(url: "https://github.com/apple/swift-certificates", from: "1.21.0"),
        .package(url: "https://github.com/apple/swift-asn1", from: "1.7.0"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/LebJe/TOMLKit", from: "0.6.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        room("SMTP", [nioCore], exclude: ["README.md"]),
        room("Mail", ["SMTP", nioCore]),
        room("Milter", ["SMTP", nioCore]),
        .target(name: "CMalloc"),
        .target(name: "CSwiftRuntime"),
        room("Measures", [coreMetrics, nioConcurrency]),
        .target(name: "CICUData"),
        room("SASL", ["SMTP", crypto]),
        room("DKIM", ["Mail", "SMTP", nioCore, crypto, cryptoExtras]),
        .target(name: "CXXHash"),
        .systemLibrary(name: "CPostgreSQL", providers: [.apt(["libpq-dev"]), .brew(["libpq"])]),
        room(
            "Spool",
            [
                "CPostgreSQL", "CXXHash", "Mail", "Measures", "SMTP", nioCore, nioPosix, nioConcurrency, coreMetrics,
                grdb, sqlite,
            ],
            exclude: ["README.md"]),
        .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CUnbound", providers: [.apt(["libunbound-dev"]), .brew(["unbound"])]),
        room("DNS", ["CUnbound", "Measures", nioCore, nioPosix, nioConcurrency, coreMetrics]),
        room("TLSPolicy", [crypto, x509, asn1]),
        .systemLibrary(name: "CIDN2", providers: [.apt(["libidn2-dev"]), .brew(["libidn2"])]),
        room("Monitor", ["CIDN2", "Mail", "SMTP"]),
        room(
            "Journal", ["Monitor", "Spool", "Mail", "SMTP", nioCore, nioPosix, nioConcurrency, deque, grdb, logging],
            exclude: ["README.md"]),
        .target(name: "CIdentity"),
        .target(name: "CStreams"),
        room("Service", ["CIdentity", "Sockets"]),
        room("Sockets", ["Mail", nioCore, nioPosix, nioConcurrency]),
        room(
            "Control",
            [
                "Sockets", "Monitor", "Mail", "SMTP", httpClient, nioCore, nioPosix, nioHTTP1, nioSSL, nioConcurrency,
                crypto, logging,
            ],
            exclude: ["README.md"], resources: [.embedInCode("openapi.json")]),
        room(
            "Recording", ["Monitor", "Mail", "SMTP", "CZlib", crypto, ordered], exclude: ["README.md"]),
        room(
            "Relay",
            [
                "Spool", "Journal", "Milter", "Monitor", "Mail", "Measures", "DKIM", "DNS", "SASL", "SMTP", "Sockets",
                "TLSPolicy", "CMalloc", "CZlib", coreMetrics, httpClient,
                nioCore, nioHTTP1, nioPosix, nioSSL, nioTLS, nioConcurrency, crypto, deque, heap, histogram, logging,
            ], exclude: ["README.md"]),
        room(
            "Screen", ["Monitor", "Mail", "SMTP", toml], resources: [.embedInCode("Themes/Shipped")]),
        .target(name: "CNcurses", linkerSettings: [.linkedLibrary("ncursesw"), .linkedLibrary("tinfo")]),
        room("Terminal", ["Screen", "CNcurses"]),
        .executableTarget(
            name: "hoptop",
            dependencies: [
                "CICUData", "CMalloc", "CStreams", "CSwiftRuntime", "Control", "Terminal", "Screen", "Recording",
                "Relay",
                "Journal", "Spool",
                "Monitor",
                "Mail", "Measures", "DKIM", "DNS", "SASL", "SMTP", "Service", "Sockets", nioCore, nioPosix, nioSSL,
                nioTLS,
                nioConcurrency, logging, toml,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ], swiftSettings: settings, linkerSettings: linking),
        .target(name: "DiskRecorder", path: "Tests/DiskRecorder"),
        .target(name: "DiskFaults", path: "Tests/DiskFaults"),
        .target(name: "SeededRandom", path: "Tests/SeededRandom", swiftSettings: settings),
        tests("SMTPTests", ["SeededRandom", "SMTP", nioCore], exclude: ["Transcripts"]),
        tests("MeasuresTests", ["Measures", coreMetrics]),
        tests("SASLTests", ["SeededRandom", "SASL", "SMTP"]),
        tests("TLSPolicyTests", ["SeededRandom", "TLSPolicy", crypto, x509, asn1]),
        tests("MailTests", ["SeededRandom", "Mail", "SMTP", nioCore]),
        tests("DKIMTests", ["DKIM", "SMTP", nioCore, crypto, cryptoExtras]),
        tests("MilterTests", ["SeededRandom", "Milter", "SMTP", nioCore]),
        .target(
            name: "SpoolTesting", dependencies: ["Spool", "Mail", "SMTP", nioCore, nioConcurrency],
            path: "Tests/SpoolTesting", swiftSettings: settings),
        tests(
            "SpoolTests",
            ["SeededRandom", "SpoolTesting", "Spool", "Mail", "SMTP", nioCore, nioPosix, nioConcurrency, grdb],
            exclude: ["Fixtures"]),
        .executableTarget(
            name: "JournalBenchmark",
            dependencies: ["Journal", "SeededRandom", "SpoolTesting", "Spool", "Monitor", "Mail", nioCore, logging],
            path: "Tests/JournalBenchmark", swiftSettings: settings, linkerSettings: linking),
        tests("MonitorTests", ["SeededRandom", "Monitor", "Mail", "SMTP"]),
        tests(
            "JournalTests",
            [
                "Journal", "SpoolTesting", "Spool", "Monitor", "Mail", "SMTP", nioCore, nioPosix, logging,
            ]),
        tests(
            "ControlTests",
            [
                "Control", "SeededRandom", "Sockets", "Monitor", "Mail", "SMTP", nioCore, nioPosix, nioHTTP1,
                nioConcurrency, logging,
            ]),
        .target(
            name: "FeedTesting", dependencies: ["Monitor", "Mail", "SMTP"], path: "Tests/FeedTesting",
            swiftSettings: settings),
        tests("ScreenTests", ["FeedTesting", "Screen", "Control", "Monitor", "Mail", "SMTP", nioPosix, logging]),
        tests(
            "CommandLineTests", ["hoptop", "FeedTesting", "Screen", "Monitor", "Mail"], exclude: ["Transcripts"]),
        tests(
            "LogTests",
            ["hoptop", "Relay", "SpoolTesting", "Spool", "Mail", "SMTP", nioCore, nioPosix, nioConcurrency, logging]),
        tests("ServiceTests", ["Service", "Sockets"]),
        tests(
            "RecordingTests",
            ["Recording", "FeedTesting", "Screen", "Monitor", "Mail", crypto]),
        tests("DNSTests", ["DNS", nioCore, nioConcurrency]),
        tests("ConfigurationTests", ["hoptop", "Journal", "Relay", "Screen", "Mail", "SASL", "SMTP", logging]),
        tests(
            "EndToEnd",
            [
                "hoptop", "Control", "Recording", "Screen", "Relay", "Journal", "Monitor", "SeededRandom", "Sockets",
                "SpoolTesting", "Spool",
                "Mail", "Measures", "DKIM", "DNS", "SASL", "SMTP", "TLSPolicy", nioCore, nioPosix,
                nioHTTP1, nioSSL, nioTLS, nioConcurrency, crypto, cryptoExtras, grdb, logging,
            ]),
        tests(
            "RelayTests",
            [
                "Relay", "DNS", "SeededRandom", "SpoolTesting", "Spool", "Sockets", "Monitor", "Mail", "SMTP", nioCore,
                nioPosix, nioSSL, nioTLS,
                nioConcurrency, nioEmbedded, logging,
            ]),
    ])
