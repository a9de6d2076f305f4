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

/// The C rooms: typed doors to system libraries, no code of their own beyond inline shims.
let doors: [Target] = [
    .target(name: "CCurl", path: "Sources/CCurl", linkerSettings: [.linkedLibrary("curl")]),
    .target(name: "CLinux", path: "Sources/CLinux"),
    .target(name: "CResources", path: "Sources/CResources"),
    .target(name: "CSQLite", path: "Sources/CSQLite", linkerSettings: [.linkedLibrary("sqlite3")]),
]

func room(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, path: "Sources/\(name)", swiftSettings: strict)
}

func program(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(
        name: name,
        dependencies: dependencies,
        path: "Sources/\(name)",
        swiftSettings: strict)
}

func tests(
    _ name: String, _ dependencies: [Target.Dependency], folder: String? = nil,
    resources: [Resource] = []
) -> Target {
    .testTarget(
        name: name,
        dependencies: dependencies,
        path: "Tests/\(folder ?? name)",
        resources: resources,
        swiftSettings: strict)
}

let package = Package(
    name: "status-proxy",
    products: [
        .executable(name: "status-proxy", targets: ["StatusProxy"]),
        .executable(name: "upstream-sandbox", targets: ["UpstreamSandbox"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.3.0"),
    ],
    targets: doors + [
        room("HTTPWire"),
        room("SocketServer", ["HTTPWire", "CLinux"]),
        room(
            "StatusCore",
            [
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "HeapModule", package: "swift-collections"),
            ]),
        room("StatusAPI", ["HTTPWire", "StatusCore"]),
        room("StateStores", ["StatusCore", "CSQLite", "CLinux"]),
        room("UpstreamCurl", ["StatusCore", "CCurl"]),
        program(
            "StatusProxy",
            [
                "StatusCore", "StatusAPI", "HTTPWire", "SocketServer", "StateStores",
                "UpstreamCurl", "CLinux", "CResources",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        program(
            "UpstreamSandbox",
            [
                "HTTPWire", "SocketServer", "StatusCore",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        tests("HTTPWireTests", ["HTTPWire"]),
        tests("SocketServerTests", ["SocketServer", "HTTPWire", "CLinux"]),
        tests("StatusCoreTests", ["StatusCore"]),
        tests("StatusAPITests", ["StatusAPI", "StatusCore", "HTTPWire"]),
        tests("StateStoresTests", ["StateStores", "StatusCore"]),
        tests("UpstreamCurlTests", ["UpstreamCurl", "StatusCore"]),
        tests(
            "SimulationTests",
            [
                "StatusCore", "StateStores",
                .product(name: "HeapModule", package: "swift-collections"),
            ], folder: "Simulation"),
    ]
)
