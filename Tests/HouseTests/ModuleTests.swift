// Checks which module may import which: compares the table of Sources/README.md, repeated here, with
// the code.

import TestSupport
import Testing

/// A module of the package, and the modules that its files may import.
struct Module: Sendable, CustomStringConvertible {
    enum Kind: String { case pure, leaf, io = "I/O", program, root = "composition root" }

    var name: String
    var kind: Kind
    /// Other modules of the package, and packages that only this one uses.
    var imports: Set<String>

    var description: String { name }

    static let shims: Set = [
        "CCrypto", "CCurl", "CLinux", "CPostgres", "CResources", "CSQLite", "CZlib",
    ]

    /// zlib only computes.
    static let impureShims = shims.subtracting(["CZlib"])

    static let all = [
        Module(name: "HTTPWire", kind: .pure, imports: []),
        Module(name: "StatusCore", kind: .pure, imports: ["DequeModule", "HeapModule"]),
        Module(name: "StatusAPI", kind: .pure, imports: ["HTTPWire", "StatusCore", "CZlib"]),
        Module(name: "SocketServer", kind: .io, imports: ["HTTPWire", "Locking", "CLinux"]),
        Module(
            name: "StateStores", kind: .io,
            imports: ["StatusCore", "Locking", "CPostgres", "CSQLite"]),
        Module(
            name: "UpstreamCurl", kind: .io,
            imports: ["StatusCore", "Locking", "CCurl", "CZlib"]),
        Module(
            name: "StatusProxy", kind: .root,
            imports: [
                "HTTPWire", "StatusCore", "StatusAPI", "SocketServer", "StateStores",
                "UpstreamCurl", "Locking", "CCrypto", "CLinux", "CResources", "DequeModule",
            ]),
        Module(
            name: "UpstreamSandbox", kind: .program,
            imports: ["HTTPWire", "SocketServer", "StatusCore", "Locking"]),
        Module(name: "Locking", kind: .leaf, imports: []),
    ]

    /// The system modules that a kind of module may import. Pure ones use no clock, queue, file or
    /// socket; atomics are allowed.
    var system: Set<String> {
        switch kind {
        case .pure: ["Synchronization"]
        case .leaf: ["Glibc"]
        case .io: ["Dispatch", "Glibc", "Synchronization"]
        case .program, .root: ["ArgumentParser", "Dispatch", "Glibc", "Synchronization"]
        }
    }

    var allowed: Set<String> { imports.union(system) }
}

struct ModuleTests {
    @Test(arguments: Module.all)
    func moduleImportsOnlyWhatTheTableAllows(module: Module) {
        let files = House.sources.filter { $0.module == module.name }
        #expect(!files.isEmpty)
        for file in files {
            let strangers = file.imports.subtracting(module.allowed)
            #expect(strangers.isEmpty, "\(file.path)")
        }
    }

    @Test(arguments: Module.all.filter { $0.kind == .pure })
    func pureModuleSeesNoClockQueueFileOrSocket(module: Module) {
        let impure: Set = [
            "Foundation", "FoundationEssentials", "Dispatch", "Glibc", "Musl",
        ]
        for file in House.sources where file.module == module.name {
            #expect(file.imports.isDisjoint(with: impure.union(Module.impureShims)), "\(file.path)")
        }
    }

    @Test func foundationIsNowhereInTheSources() {
        for file in House.sources {
            #expect(!file.imports.contains { $0.hasPrefix("Foundation") }, "\(file.path)")
        }
    }

    @Test func everyFolderOfSourcesIsAModule() {
        let folders = Set(
            House.paths(under: "Sources").map { $0.split(separator: "/") }
                .filter { $0.count > 2 }.map { String($0[1]) })
        expectEqual(folders, Set(Module.all.map(\.name)).union(Module.shims))
    }

    @Test func readmeShowsTheSameTable() {
        let rows = TableReader.rows(
            in: "Sources/README.md", below: "## Modules, and what each may import")
        var modules: Set<String> = []
        for cells in rows where cells.count == 4 {
            if cells[1] == "C shims" {
                expectEqual(Set(cells[0].ticked), Module.shims)
                continue
            }
            guard let module = Module.all.first(where: { cells[0].ticked == [$0.name] }) else {
                Issue.record("\(cells[0]) is no module")
                continue
            }
            modules.insert(module.name)
            expectEqual(cells[1], module.kind.rawValue, "\(module)")
            switch cells[2] {
            case "nothing": #expect(module.imports.isEmpty, "\(module)")
            case "all of them": expectEqual(module.kind, .root, "\(module)")
            default: expectEqual(Set(cells[2].ticked), module.imports, "\(module)")
            }
        }
        expectEqual(modules, Set(Module.all.map(\.name)))
    }

    @Test(arguments: [
        ("import Room", "Room"), ("internal import Room", "Room"),
        ("@testable import Room", "Room"), ("@_exported public import Room", "Room"),
        ("import struct Room.Chair", "Room"), ("import Room.Corner", "Room"),
        ("// import Room", nil), ("let important = 1", nil), ("import", nil),
    ])
    func importLineIsUnderstood(line: String, module: String?) {
        expectEqual(SourceFile.importedModule(line), module)
    }
}
