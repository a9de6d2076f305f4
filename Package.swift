// swift-tools-version: 6.2
import PackageDescription

/// One list of settings for every target: strict about existentials, leaking imports and members.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

/// The law of exclusivity is checked at run time, too, but where that made a hit much dearer: 28 % in
/// SocketServer, 3 % in all other modules together (bench/instructions). Debug builds, and so the tests,
/// check it everywhere.
let uncheckedInRelease: [SwiftSetting] = [
    .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release))
]

/// C shims: typed access to system libraries.
let shims: [Target] = [
    .target(name: "CCrypto", path: "Sources/CCrypto", linkerSettings: [.linkedLibrary("crypto")]),
    .target(name: "CCurl", path: "Sources/CCurl", linkerSettings: [.linkedLibrary("curl")]),
    .target(name: "CLinux", path: "Sources/CLinux"),
    .target(
        name: "CPostgres", path: "Sources/CPostgres", exclude: ["schema.sql"],
        linkerSettings: [.linkedLibrary("pq")]),
    .target(name: "CResources", path: "Sources/CResources"),
    .target(name: "CSQLite", path: "Sources/CSQLite", linkerSettings: [.linkedLibrary("sqlite3")]),
    .target(name: "CZlib", path: "Sources/CZlib", linkerSettings: [.linkedLibrary("z")]),
]

func module(
    _ name: String, _ dependencies: [Target.Dependency] = [], isChecked: Bool = true
) -> Target {
    .target(
        name: name, dependencies: dependencies, path: "Sources/\(name)",
        swiftSettings: strict + (isChecked ? [] : uncheckedInRelease))
}

func program(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(
        name: name,
        dependencies: dependencies,
        path: "Sources/\(name)",
        swiftSettings: strict)
}

let unoptimized: [SwiftSetting] = [.unsafeFlags(["-Onone"], .when(configuration: .release))]

/// A test module's interface, which nothing imports, is not compiled apart: each compilation expands the
/// macros of all tests. One object for each file, as the index needs.
let wholeModule: [SwiftSetting] = [
    .unsafeFlags(
        ["-wmo", "-no-emit-module-separately-wmo", "-num-threads", "1"],
        .when(configuration: .debug))
]

/// In release, what is tested is optimised and tests are not, unless they are long: Swift 6.3.1 stops
/// at an internal error when it optimises StateStoresTests.
func tests(
    _ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = [],
    areOptimized: Bool = false
) -> Target {
    .testTarget(
        name: name,
        dependencies: dependencies,
        path: "Tests/\(name)",
        resources: resources,
        swiftSettings: strict + wholeModule + (areOptimized ? [] : unoptimized))
}

/// `TEST_TARGETS` names the only test targets to build: a sanitizer or the simulator needs few of them.
let wanted = Context.environment["TEST_TARGETS"]?.split(separator: ",").map(String.init)

let package = Package(
    name: "status-proxy",
    products: [
        .executable(name: "status-proxy", targets: ["StatusProxy"]),
        .executable(name: "upstream-sandbox", targets: ["UpstreamSandbox"]),
    ],
    // docs/dependencies.md has each with its licence and reason.
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", exact: "1.6.0"),
        // For tests only: the contract is YAML, Cache-Status a structured field.
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
        .package(url: "https://github.com/apple/swift-http-structured-headers", exact: "1.7.0"),
    ],
    targets: shims + [
        module("Locking"),
        module("HTTPWire"),
        module("SocketServer", ["HTTPWire", "Locking", "CLinux"], isChecked: false),
        module(
            "StatusCore",
            [
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "HeapModule", package: "swift-collections"),
            ]),
        module("StatusAPI", ["HTTPWire", "StatusCore", "CZlib"]),
        module("StateStores", ["StatusCore", "Locking", "CPostgres", "CSQLite"]),
        module("UpstreamCurl", ["StatusCore", "Locking", "CCurl", "CZlib"]),
        program(
            "StatusProxy",
            [
                "StatusCore", "StatusAPI", "HTTPWire", "SocketServer", "StateStores",
                "UpstreamCurl", "Locking", "CCrypto", "CLinux", "CResources",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "DequeModule", package: "swift-collections"),
            ]),
        program(
            "UpstreamSandbox",
            [
                "HTTPWire", "SocketServer", "StatusCore", "Locking",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        tests(
            "EndToEndTests",
            [
                "StatusProxy", "UpstreamSandbox", "StatusCore", "HTTPWire", "SocketServer",
                "Locking", "TestSupport",
            ],
            resources: [.copy("Clients"), .copy("Corpus")]),
        tests("HTTPWireTests", ["HTTPWire", "TestSupport"], resources: [.copy("Corpus")]),
        .target(
            name: "TestSupport",
            dependencies: [
                "StatusCore", "HTTPWire", "CPostgres", "CZlib",
                .product(name: "Yams", package: "Yams"),
            ],
            path: "Tests/Support",
            swiftSettings: strict),
        tests(
            "SocketServerTests", ["SocketServer", "HTTPWire", "Locking", "CLinux", "TestSupport"]),
        tests("StatusCoreTests", ["StatusCore", "TestSupport"]),
        tests(
            "StatusAPITests",
            [
                "StatusAPI", "StatusCore", "HTTPWire", "TestSupport",
                .product(
                    name: "RawStructuredFieldValues", package: "swift-http-structured-headers"),
            ]),
        tests("StateStoresTests", ["StateStores", "StatusCore", "Locking", "TestSupport"]),
        tests("UpstreamCurlTests", ["UpstreamCurl", "StatusCore", "Locking", "TestSupport"]),
        tests(
            "UpstreamSandboxTests",
            ["UpstreamSandbox", "StatusCore", "HTTPWire", "SocketServer", "TestSupport"]),
        tests(
            "StatusProxyTests",
            [
                "StatusProxy", "StatusAPI", "StatusCore", "StateStores", "HTTPWire", "UpstreamCurl",
                "Locking", "TestSupport",
            ]),
        tests("HouseTests", ["TestSupport"]),
        tests(
            "SimulationTests",
            [
                "StatusCore", "StateStores", "TestSupport",
                .product(name: "HeapModule", package: "swift-collections"),
            ],
            areOptimized: true),
    ]
)

if let wanted {
    package.targets.removeAll { $0.type == .test && !wanted.contains($0.name) }
}
