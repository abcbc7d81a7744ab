// swift-tools-version: 6.2
import PackageDescription

// Apart from the rooms' own package, since all that is built here is built for the fuzzer: Scripts/fuzz does it.

let settings: [SwiftSetting] =
    [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .unsafeFlags(["-static-stdlib"], .when(platforms: [.linux], configuration: .release)),
    ] + (Context.environment["CI"] == nil ? [] : [.treatAllWarnings(as: .error)])

let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let rooms = ["SMTP", "Mail", "Milter", "Monitor"].map { Target.Dependency.product(name: $0, package: "hoptop") }

/// - Parameter seeds: there are inputs to begin with.
func fuzzer(_ name: String, seeds: Bool = false) -> Target {
    .executableTarget(
        name: name, dependencies: ["FuzzInput", nioCore] + rooms, path: name,
        exclude: ["words.dict"] + (seeds ? ["seeds"] : []),
        swiftSettings: settings,
        linkerSettings: [.unsafeFlags(["-static-stdlib"], .when(platforms: [.linux], configuration: .release))])
}

let package = Package(
    name: "hoptop-fuzzing", platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "hoptop", path: "../.."),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    ],
    targets: [
        .target(name: "FuzzInput", dependencies: [nioCore], path: "FuzzInput", swiftSettings: settings),
        fuzzer("FuzzServerSession"), fuzzer("FuzzClientSession"), fuzzer("FuzzPaths"), fuzzer("FuzzHeader"),
        fuzzer("FuzzProxyHeader", seeds: true), fuzzer("FuzzMilter", seeds: true), fuzzer("FuzzFilter", seeds: true),
        fuzzer("FuzzContent", seeds: true), fuzzer("FuzzMIME", seeds: true),
    ])
