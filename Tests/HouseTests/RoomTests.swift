// Who may import whom: the table of Sources/README.md, kept here as data and held against both.

import Testing

/// One room, and the modules that its files may import.
struct Room: Sendable, CustomStringConvertible {
    enum Kind: String { case pure, leaf, io = "I/O", program, hallway }

    var name: String
    var kind: Kind
    /// Other rooms, and packages for what only this room does.
    var imports: Set<String>

    var description: String { name }

    static let doors: Set = [
        "CCrypto", "CCurl", "CLinux", "CPostgres", "CResources", "CSQLite", "CZlib",
    ]

    static let all = [
        Room(name: "HTTPWire", kind: .pure, imports: []),
        Room(name: "StatusCore", kind: .pure, imports: ["DequeModule", "HeapModule"]),
        Room(name: "StatusAPI", kind: .pure, imports: ["HTTPWire", "StatusCore", "CZlib"]),
        Room(name: "SocketServer", kind: .io, imports: ["HTTPWire", "Locking", "CLinux"]),
        Room(
            name: "StateStores", kind: .io,
            imports: ["StatusCore", "Locking", "CPostgres", "CSQLite"]),
        Room(
            name: "UpstreamCurl", kind: .io,
            imports: ["StatusCore", "Locking", "CCurl", "CZlib"]),
        Room(
            name: "StatusProxy", kind: .hallway,
            imports: [
                "HTTPWire", "StatusCore", "StatusAPI", "SocketServer", "StateStores",
                "UpstreamCurl", "Locking", "CCrypto", "CLinux", "CResources", "DequeModule",
            ]),
        Room(
            name: "UpstreamSandbox", kind: .program,
            imports: ["HTTPWire", "SocketServer", "StatusCore", "Locking"]),
        Room(name: "Locking", kind: .leaf, imports: []),
    ]

    /// What the system gives to rooms of a kind. Pure ones see no clock, queue, file or socket.
    var system: Set<String> {
        switch kind {
        case .pure: []
        case .leaf: ["Glibc"]
        case .io: ["Dispatch", "Glibc", "Synchronization"]
        case .program, .hallway: ["ArgumentParser", "Dispatch", "Glibc", "Synchronization"]
        }
    }

    var allowed: Set<String> { imports.union(system) }
}

struct RoomTests {
    @Test(arguments: Room.all)
    func roomImportsOnlyWhatTheTableAllows(room: Room) {
        let files = House.sources.filter { $0.room == room.name }
        #expect(!files.isEmpty)
        for file in files {
            let strangers = file.imports.subtracting(room.allowed)
            #expect(strangers.isEmpty, "\(file.path)")
        }
    }

    @Test(arguments: Room.all.filter { $0.kind == .pure })
    func pureRoomSeesNoClockQueueFileOrSocket(room: Room) {
        let impure: Set = [
            "Foundation", "FoundationEssentials", "Dispatch", "Glibc", "Musl", "Synchronization",
        ]
        for file in House.sources where file.room == room.name {
            #expect(file.imports.isDisjoint(with: impure.union(Room.doors)), "\(file.path)")
        }
    }

    @Test func foundationIsNowhereInTheSources() {
        for file in House.sources {
            #expect(!file.imports.contains { $0.hasPrefix("Foundation") }, "\(file.path)")
        }
    }

    @Test func everyFolderOfSourcesIsARoomOrADoor() {
        let folders = Set(
            House.paths(under: "Sources").map { $0.split(separator: "/") }
                .filter { $0.count > 2 }.map { String($0[1]) })
        #expect(folders == Set(Room.all.map(\.name)).union(Room.doors))
    }

    @Test func readmeShowsTheSameTable() {
        let rows = TableReader.rows(
            in: "Sources/README.md", below: "## Rooms, and what each may import")
        var rooms: Set<String> = []
        for cells in rows where cells.count == 4 {
            if cells[1] == "doors" {
                #expect(Set(cells[0].ticked) == Room.doors)
                continue
            }
            guard let room = Room.all.first(where: { cells[0].ticked == [$0.name] }) else {
                Issue.record("\(cells[0]) is no room")
                continue
            }
            rooms.insert(room.name)
            #expect(cells[1] == room.kind.rawValue, "\(room)")
            switch cells[2] {
            case "nothing": #expect(room.imports.isEmpty, "\(room)")
            case "all of them": #expect(room.kind == .hallway, "\(room)")
            default: #expect(Set(cells[2].ticked) == room.imports, "\(room)")
            }
        }
        #expect(rooms == Set(Room.all.map(\.name)))
    }

    @Test(arguments: [
        ("import Room", "Room"), ("internal import Room", "Room"),
        ("@testable import Room", "Room"), ("@_exported public import Room", "Room"),
        ("import struct Room.Chair", "Room"), ("import Room.Corner", "Room"),
        ("// import Room", nil), ("let important = 1", nil), ("import", nil),
    ])
    func importLineIsUnderstood(line: String, module: String?) {
        #expect(SourceFile.importedModule(line) == module)
    }
}
