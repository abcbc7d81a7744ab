// swift-tools-version: 6.2
import PackageDescription

// Apart from the rooms' own package, since what measures is nobody else's business: Scripts/benchmark builds it. The queue's
// index is not public, so that the whole is built with `-enable-testing`.

let linux = BuildSettingCondition.when(platforms: [.linux], configuration: .release)
let linking: [LinkerSetting] = [.unsafeFlags(["-static-stdlib"], linux)]
let settings: [SwiftSetting] =
    [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .unsafeFlags(
            ["-cross-module-optimization", "-enforce-exclusivity=unchecked"], .when(configuration: .release)),
        .unsafeFlags(["-static-stdlib"], linux),
    ] + (Context.environment["CI"] == nil ? [] : [.treatAllWarnings(as: .error)])

let rooms = ["Relay", "Screen", "Spool", "Monitor", "Mail", "SMTP"]
    .map { Target.Dependency.product(name: $0, package: "hoptop") }

let package = Package(
    name: "hoptop-benchmarks", platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "hoptop", path: "../.."),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/ordo-one/benchmark", from: "1.38.0", traits: []),
    ],
    targets: [
        .target(
            name: "Cases",
            dependencies: rooms + [
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
            ], path: "Cases", swiftSettings: settings),
        // What counts is around it.
        .executableTarget(
            name: "Steps", dependencies: ["Cases"], path: "Steps", swiftSettings: settings, linkerSettings: linking),
        // By the clock, with the benchmark package's tool.
        .executableTarget(
            name: "Times", dependencies: ["Cases", .product(name: "Benchmark", package: "benchmark")], path: "Times",
            swiftSettings: settings, linkerSettings: linking,
            plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")]),
    ])
