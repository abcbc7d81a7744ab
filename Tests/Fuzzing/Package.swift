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
let rooms = ["SMTP", "Mail"].map { Target.Dependency.product(name: $0, package: "hoptop") }

func fuzzer(_ name: String) -> Target {
    .executableTarget(
        name: name, dependencies: ["FuzzInput", nioCore] + rooms, path: name, exclude: ["words.dict"],
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
    ])
