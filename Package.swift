// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] =
    [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"),
    ] + (Context.environment["CI"] == nil ? [] : [.treatAllWarnings(as: .error)])

/// A room of the house; DESIGN's picture of who may know whom is this file.
func room(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = []) -> Target {
    .testTarget(name: name, dependencies: dependencies, resources: resources, swiftSettings: settings)
}

let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let collections: Target.Dependency = .product(name: "Collections", package: "swift-collections")

let package = Package(
    name: "hoptop",
    platforms: [.macOS(.v15)],
    products: [.executable(name: "hoptop", targets: ["hoptop"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/LebJe/TOMLKit", from: "0.6.0"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
    ],
    targets: [
        room("SMTP", [nioCore]),
        room("Mail", ["SMTP", nioCore]),
        room("Spool", ["Mail", "SMTP", nioCore, .product(name: "GRDB", package: "GRDB.swift")]),
        room("Monitor", ["Mail", "SMTP", nioCore]),
        room(
            "Relay",
            [
                "Spool", "Monitor", "Mail", "SMTP", nioCore, nioPosix, collections,
                .product(name: "Histogram", package: "hdrhistogram-swift"),
                .product(name: "Logging", package: "swift-log"),
            ]),
        room("Screen", ["Monitor", .product(name: "TOMLKit", package: "TOMLKit"), collections]),
        .systemLibrary(name: "CNcurses", pkgConfig: "ncursesw", providers: [.apt(["libncurses-dev"])]),
        room("Terminal", ["Screen", "CNcurses"]),
        .executableTarget(
            name: "hoptop",
            dependencies: [
                "Relay", "Spool", "Monitor", "Mail", "SMTP", "Screen", "Terminal", nioCore, nioPosix,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "TOMLKit", package: "TOMLKit"),
            ],
            swiftSettings: settings),
        tests("SMTPTests", ["SMTP", nioCore]),
        tests("MailTests", ["Mail", "SMTP", nioCore]),
        tests("SpoolTests", ["Spool", "Mail", "SMTP", nioCore]),
        tests("MonitorTests", ["Monitor"]),
        tests("RelayTests", ["Relay", "Spool", "Monitor", "Mail", "SMTP", nioCore, nioPosix]),
        tests("ScreenTests", ["Screen", "Monitor"]),
    ]
)
