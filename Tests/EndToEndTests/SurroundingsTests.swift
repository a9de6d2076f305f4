// The program's surroundings: users, folders, links, signals, and logs that accept nothing.

import Foundation
import StatusCore
import TestSupport
import Testing

@Suite(.blocking, .timeLimit(.minutes(10)))
struct SurroundingsTests {
    private static let keys = [
        "VOUCHERS_APP_ID": "app", "VOUCHERS_APP_TOKEN": "hidden-token", "LISTEN_PORT": "0",
    ]

    /// Starts the program with an ordinary user's rights. Tests run by such a user already have those.
    private func unprivileged(
        _ arguments: [String], _ settings: [String: String], user: [String] = []
    ) throws -> Program {
        let environment = Self.keys.merging(settings) { _, new in new }
        guard geteuid() == 0 else {
            return try Program("status-proxy", arguments, environment: environment)
        }
        let path = Program.folder.appendingPathComponent("status-proxy").path
        return try Program(
            try Tool.path(of: "setpriv"),
            ["--bounding-set=-all", "--inh-caps=-all"] + user + [path] + arguments,
            environment: environment)
    }

    // MARK: Folders and files

    /// `check` and the start report the same, in one line, and leave nothing behind.
    private func expectRefusal(
        _ settings: [String: String], _ words: String..., in folder: TemporaryFolder
    ) async throws {
        let before = try FileManager.default.subpathsOfDirectory(atPath: folder.url.path).sorted()
        var said: Set<String> = []
        for command in ["check", "serve", "serve"] {
            let program = try unprivileged([command], settings)
            try await expectEqual(program.exitCode(), 78, "\(command): \(program.text)")
            said.insert(program.text)
        }
        let text = said.first ?? ""
        expectEqual(said.count, 1, "\(said)")
        expectEqual(text.split(separator: "\n").count, 1)
        for word in words { #expect(text.contains(word), "\(text)") }
        let after = try FileManager.default.subpathsOfDirectory(atPath: folder.url.path).sorted()
        expectEqual(after, before)
    }

    @Test func unusableStorePlaceIsReportedByCheckAndStart() async throws {
        let folder = try TemporaryFolder()
        let path = folder.url.path
        let file = try folder.write("no database", to: "file")
        try FileManager.default.createSymbolicLink(
            atPath: path + "/lost", withDestinationPath: path + "/nowhere")
        for (place, words) in [
            ("none/store.sqlite", "its folder does not exist"),
            ("none/../store.sqlite", "its folder does not exist"),
            ("lost/store.sqlite", "its folder does not exist"),
            ("file/store.sqlite", "Not a directory"),
        ] {
            try await expectRefusal(
                ["STORE_URL": "sqlite:\(path)/\(place)"], "STORE_URL: ", "\(path)/\(place)", words,
                "give a folder that user", in: folder)
        }
        try await expectRefusal(
            ["STORE_URL": "sqlite:\(path)"], "STORE_URL: ", "not a file", in: folder)
        // A folder in which no one can create a file, whatever its mode.
        try await expectRefusal(
            ["STORE_URL": "sqlite:/proc/self/fd/store.sqlite"], "STORE_URL: ",
            "its folder cannot be written", in: folder)
        try await expectRefusal(
            ["STATE_DIRECTORY": path + "/none:/tmp"], "STATE_DIRECTORY: ",
            path + "/none/status-proxy",
            in: folder)
        withExtendedLifetime(file) {}
    }

    @Test func unwritableStorePlaceIsReportedByCheckAndStart() async throws {
        let folder = try TemporaryFolder()
        let shut = folder.url.appendingPathComponent("shut")
        try FileManager.default.createDirectory(at: shut, withIntermediateDirectories: false)
        let file = try folder.write("", to: "file")
        expectEqual(chmod(shut.path, 0o555), 0)
        expectEqual(chmod(file, 0o444), 0)
        defer { chmod(shut.path, 0o755) }
        for settings in [
            ["STATE_DIRECTORY": shut.path], ["STORE_URL": "sqlite:\(shut.path)/store.sqlite"],
            ["STORE_URL": "sqlite:\(file)"],
        ] {
            let name = settings.keys.first ?? ""
            try await expectRefusal(
                settings, "\(name): ", "Permission denied", "user \(geteuid())", in: folder)
        }
    }

    /// Only opening it shows that, which `check` does not do.
    @Test func fileThatIsNoStoreIsReportedWithTheSettingsName() async throws {
        let folder = try TemporaryFolder()
        let file = try folder.write("this is not a database, and long enough", to: "file")
        let program = try unprivileged(["serve"], ["STORE_URL": "sqlite:\(file)"])
        try await expectEqual(program.exitCode(), 78)
        #expect(program.text.hasPrefix("status-proxy: STORE_URL: \(file): "), "\(program.text)")
        expectEqual(program.text.split(separator: "\n").count, 1)
    }

    @Test func linkToAMissingStoreWorksAtEveryStart() async throws {
        let folder = try TemporaryFolder()
        let path = folder.url.path
        try FileManager.default.createDirectory(
            atPath: path + "/volume", withIntermediateDirectories: false)
        try FileManager.default.createSymbolicLink(
            atPath: path + "/link", withDestinationPath: "volume/store.sqlite")
        for _ in 1...2 {
            let program = try unprivileged(["serve"], ["STORE_URL": "sqlite:\(path)/link"])
            _ = try await World.port(of: program)
            program.signal(SIGTERM)
            try await expectEqual(program.exitCode(), 0, "\(program.text)")
        }
        let names = try FileManager.default.subpathsOfDirectory(atPath: path).sorted()
        expectEqual(names, ["link", "volume", "volume/store.sqlite"])
    }

    /// libcurl creates the file that SSLKEYLOGFILE names as soon as it is initialised.
    @Test func keysOfTLSConnectionsAreNeverWrittenDown() async throws {
        let folder = try TemporaryFolder()
        let world = try await World(["SSLKEYLOGFILE": folder.url.path + "/keys"])
        try expectEqual(world.get("/actions/\(DemoID.order)").status, 200)
        try expectEqual(FileManager.default.subpathsOfDirectory(atPath: folder.url.path), [])
    }

    /// No process listens where the proxy should.
    @Test func upstreamsOnThisMachineAreNeverCalledThroughAProxy() async throws {
        let proxy = "http://127.0.0.1:1"
        let world = try await World(["http_proxy": proxy, "ALL_PROXY": proxy, "all_proxy": proxy])
        for id in [DemoID.order, DemoID.voucher] {
            try expectEqual(world.get("/actions/\(id)").status, 200)
        }
    }

    @Test func exposedDataIsNamedInTheLog() async throws {
        let folder = try TemporaryFolder()
        let program = try unprivileged(
            ["serve"],
            [
                "LISTEN_HOST": "0.0.0.0", "VOUCHERS_URL": "http://vouchers.invalid",
                "STATE_DIRECTORY": folder.url.path,
            ])
        let lines = try await program.wait(for: "the start") { text in
            text.contains("listening") ? text.split(separator: "\n") : nil
        }
        for words in [
            "LISTEN_HOST: 0.0.0.0 is every address", "VOUCHERS_URL: it begins with http:",
        ] {
            #expect(lines.contains { $0.contains(#""level":"warning""#) && $0.contains(words) })
        }
        withExtendedLifetime(folder) {}
    }

    // MARK: Users

    /// As on OpenShift: any user number, group 0, no entry in the list of users, no home.
    @Test func anyUserOfGroupZeroCanRunTheService() async throws {
        let folder = try TemporaryFolder()
        let state = folder.url.appendingPathComponent("state").path
        try FileManager.default.createDirectory(
            atPath: state, withIntermediateDirectories: false)
        // As the Dockerfile leaves it.
        expectEqual(chmod(state, 0o770), 0)
        expectEqual(chmod(folder.url.path, 0o755), 0)
        let program = try unprivileged(
            ["serve"], ["STATE_DIRECTORY": state],
            user: ["--reuid=1000650000", "--regid=0", "--clear-groups"])
        let port = try await World.port(of: program)
        try expectEqual(Client.get(port: port, "/readyz").status, 200)
        program.signal(SIGTERM)
        try await expectEqual(program.exitCode(), 0, "\(program.text)")
    }

    /// The instruction that creates the folder gives group 0 its owner's rights.
    @Test func imageLetsGroupZeroWriteTheStateFolder() throws {
        let lines = try Project.text("Dockerfile").split(separator: "\n")
        let state = try #require(
            lines.first { $0.hasPrefix("VOLUME ") }?.dropFirst("VOLUME ".count))
        #expect(
            lines.contains { $0.contains("chgrp 0 \(state)") && $0.contains("chmod g=u \(state)") })
        #expect(lines.contains { $0.contains("STATE_DIRECTORY=\(state) ") })
    }

    // MARK: Signals

    @Test(arguments: [SIGUSR1, SIGUSR2, SIGPIPE, SIGHUP, SIGXFSZ])
    func unusedSignalsDoNotEndTheService(number: Int32) async throws {
        let world = try await World()
        for _ in 0..<3 { world.proxy.signal(number) }
        try expectEqual(world.get("/livez").status, 200)
        #expect(world.proxy.isRunning)
        world.proxy.signal(SIGTERM)
        try await expectEqual(world.proxy.exitCode(), 0)
    }

    // MARK: Warnings

    @Test func variableThatLooksLikeASettingIsWarnedOfInTheLog() async throws {
        let world = try await World(["REFRESH_WIAT": "5s", "ORDERS_PORT": "tcp://10.0.0.1:80"])
        let line = try #require(
            world.proxy.text.split(separator: "\n").first { $0.contains("REFRESH_WIAT") })
        #expect(line.contains("\"warning\"") && line.contains("is REFRESH_WAIT meant?"))
        #expect(!world.proxy.text.contains("ORDERS_PORT"))
    }

    // MARK: The log

    /// A file size limit acts as a full disk: the kernel cuts what does not fit.
    @Test func logOnAFullDiskLosesWholeLinesAndCountsThem() async throws {
        // Scrapes and health checks have lines, too.
        let world = try await World(["STORE_URL": "memory:", "LOG_LEVEL": "debug"])
        func lost() throws -> Double? { try figure("status_proxy_log_lines_lost_total", world) }
        func limit(_ bytes: String) async throws {
            _ = try await Tool.run(
                "prlimit", ["--pid", "\(world.proxy.identifier)", "--fsize=\(bytes):unlimited"])
        }
        _ = try await world.proxy.wait(for: "listening") { $0.contains("listening") ? true : nil }
        try expectEqual(lost(), 0)
        try await eventually("a logged scrape") { world.proxy.text.contains("/metrics") }
        // Half a line more.
        try await limit("\(world.proxy.text.utf8.count + 100)")
        try await eventually("dropped lines") {
            try expectEqual(world.get("/livez").status, 200)
            return try lost() ?? 0 > 3
        }
        #expect(!world.proxy.text.hasSuffix("\n"), "the kernel has cut a line")
        try await limit("unlimited")
        try await eventually("the report of dropped lines") {
            world.proxy.text.contains("log lines dropped")
        }
        let total = try #require(try lost())
        world.proxy.signal(SIGTERM)
        try await expectEqual(world.proxy.exitCode(), 0)
        let lines = world.proxy.text.split(separator: "\n")
        let values = try lines.map { try JSONReader.read(Array($0.utf8)) }
        let reported = values.compactMap { $0["lines"]?.integer }.reduce(0, +)
        expectEqual(Double(reported), total)
        #expect(world.proxy.text.hasSuffix("\n"))
    }

    // MARK: Figures

    private func figure(_ name: String, _ world: World) throws -> Double? {
        let lines = try world.get("/metrics").text.split(separator: "\n")
        return lines.first { $0.hasPrefix(name + " ") }.flatMap {
            Double($0.split(separator: " ")[1])
        }
    }

    @Test func processFiguresMatchTheKernels() async throws {
        let before = Date().timeIntervalSince1970
        let world = try await World()
        let descriptors = try FileManager.default.contentsOfDirectory(
            atPath: "/proc/\(world.proxy.identifier)/fd"
        ).count
        let open = try #require(try figure("process_open_fds", world))
        #expect(abs(open - Double(descriptors)) <= 10)
        let limits = try String(
            contentsOfFile: "/proc/\(world.proxy.identifier)/limits", encoding: .utf8
        ).split(separator: "\n")
        let files = try #require(limits.first { $0.hasPrefix("Max open files") })
        try expectEqual(
            figure("process_max_fds", world), Double(String(files.split(separator: " ")[3])))
        let resident = Double(try ProcessFigures.residentBytes(of: world.proxy))
        let reported = try #require(try figure("process_resident_memory_bytes", world))
        #expect(reported > resident / 2 && reported < resident * 2)
        #expect(try #require(try figure("process_virtual_memory_bytes", world)) > reported)
        #expect(try #require(try figure("process_cpu_seconds_total", world)) > 0)
        let startedAt = try #require(try figure("process_start_time_seconds", world))
        // The boot time has whole seconds.
        #expect(startedAt > before - 2 && startedAt < Date().timeIntervalSince1970 + 2)
        #expect(try world.get("/metrics").text.contains("status_proxy_build_info{version=\""))
    }

    @Test func callsThatAnswersSavedAreCounted() async throws {
        let world = try await World(["ORDERS_MIN_INTERVAL": "60s", "ORDERS_MAX_INTERVAL": "60s"])
        func saved() throws -> Double? { try figure("status_proxy_calls_saved_total", world) }
        try expectEqual(world.get("/actions/\(DemoID.pendingOrder)").status, 200)
        try expectEqual(saved(), 0)
        for _ in 0..<3 { _ = try world.get("/actions/\(DemoID.pendingOrder)") }
        try expectEqual(saved(), 3)
        let batch = "/actions?id=\(DemoID.pendingOrder)&id=\(DemoID.pendingOrder)&id=bad!"
        try expectEqual(world.get(batch).status, 200)
        try expectEqual(saved(), 5)
        try expectEqual(world.get("/actions/\(DemoID.missingOrder)").status, 404)
        try expectEqual(saved(), 5)
    }
}
