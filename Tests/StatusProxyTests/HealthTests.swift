// The reports of health checks, and when they change.

import HTTPWire
import StateStores
import StatusCore
import TestSupport
import Testing

@testable import StatusProxy

struct HealthTests {
    private let health = Health()

    init() { health.update(.well) }

    private func body(_ response: Response) throws -> JSONValue {
        try JSONReader.read(response.body)
    }

    /// One part's status and its words.
    private func check(_ name: String) throws -> JSONValue? {
        try body(health.readiness)["checks"]?[name]?.array?.first
    }

    @Test func aProcessWithAWorkingStoreIsAliveAndReady() throws {
        for response in [health.liveness, health.readiness] {
            expectEqual(response.status, 200)
            try expectEqual(body(response)["status"]?.string, "pass")
            try expectEqual(body(response)["version"]?.string, ProgramVersion.text)
            #expect(
                response.fields.contains(
                    Field(name: "Content-Type", value: "application/health+json")))
        }
        try expectEqual(check("store:availability")?["status"]?.string, "pass")
    }

    @Test func drainingProcessIsAliveButNotReady() throws {
        health.startDraining()
        expectEqual(health.readiness.status, 503)
        try expectEqual(body(health.readiness)["status"]?.string, "fail")
        try expectEqual(body(health.readiness)["output"]?.string?.contains("draining"), true)
        expectEqual(health.liveness.status, 200)
        health.update(.well)
        expectEqual(health.readiness.status, 503)
    }

    /// Notes in their order, and the readiness after them.
    private static let histories: [([Note], String)] = [
        ([], "pass"),
        ([.storeFailed("the disk is full")], "warn"),
        ([.storeFailed("gone"), .storeWorked], "pass"),
        ([.storeFailed("gone"), over(.orders)], "warn"),
        ([met(.orders)], "warn"),
        ([met(.orders), over(.vouchers)], "warn"),
        ([met(.orders), over(.orders)], "pass"),
        ([met(.orders), met(.vouchers), over(.orders)], "warn"),
        ([met(.orders), met(.orders, .credential), over(.orders)], "warn"),
        ([met(.orders), .storeWorked], "warn"),
        ([.storeFailed("gone"), .gap(.orders, smallest: .seconds(60))], "warn"),
        ([met(.orders, .quarantine, until: .distantFuture)], "warn"),
        ([met(.orders, .quarantine, until: .distantFuture), .storeWorked], "warn"),
        // Over, although no call has been requested since.
        ([met(.orders, .quarantine, until: .distantPast)], "pass"),
        ([met(.orders, .pause, until: .distantPast)], "pass"),
        ([met(.orders, .pause, until: .distantFuture)], "warn"),
        ([met(.orders, .budget(.minute), until: .distantFuture)], "warn"),
        ([.denied(.orders, .gate)], "pass"),
    ]

    private static func met(
        _ source: Source, _ kind: SourceBlock.Kind = .breaker, until: Instant = .distantPast
    ) -> Note {
        .blocked(source, SourceBlock(kind, until: until), isNew: true)
    }

    private static func over(_ source: Source) -> Note { .unblocked(source, SourceBlock(.breaker)) }

    @Test func summaryNamesEverySourceAndItsBlocks() {
        expectEqual(health.summary(of: Source.both), "orders is ok; vouchers is ok")
        health.update(Self.met(.vouchers, .pause, until: .distantFuture))
        health.update(.storeFailed("gone"))
        expectEqual(
            health.summary(of: Source.both),
            "the store cannot be used; no calls are made; orders is ok;"
                + " no calls to vouchers: it is paused in the store, by another process or as a new"
                + " source")
        health.startDraining()
        expectEqual(health.summary(of: [.orders]), "draining: about to stop; orders is ok")
    }

    @Test(arguments: histories)
    func failuresWarnWithoutTakingTheProcessOut(notes: [Note], status: String) throws {
        for note in notes { health.update(note) }
        expectEqual(health.readiness.status, 200)
        try expectEqual(body(health.readiness)["status"]?.string, status)
        try expectEqual(body(health.liveness)["status"]?.string, "pass")
        let isAboutTheStore = try check("store:availability")?["status"]?.string == "warn"
        expectEqual(health.isStoreWell, !isAboutTheStore)
    }

    @Test func aProcessThatHasNotReachedItsStoreIsNotReadyAndSaysWhy() throws {
        let starting = Health()
        #expect(starting.readiness.status == 503 && !starting.isStoreWell)
        expectEqual(starting.liveness.status, 200)
        starting.update(.away("database \"nowhere\" does not exist"))
        #expect(starting.readiness.status == 503 && !starting.isStoreWell)
        let output = try body(starting.readiness)["output"]?.string
        #expect(output?.hasPrefix("starting: ") == true && output?.contains("nowhere") == true)
    }

    /// Once it has been reached, its last states can be served.
    @Test(arguments: [StoreCondition.well, .quarantined("promoted")])
    func aStoreThatIsLostLaterIsAWarning(reached: StoreCondition) {
        let started = Health()
        started.update(.away("no route"))
        started.update(reached)
        expectEqual(started.readiness.status, 200)
        started.update(.away("no route"))
        #expect(started.readiness.status == 200 && !started.isStoreWell)
    }

    private static let conditions: [([StoreCondition], String)] = [
        ([.away("no route")], "warn"),
        ([.quarantined("promoted")], "warn"),
        ([.away("no route"), .well], "pass"),
        ([.away("no route"), .quarantined("promoted"), .well], "pass"),
    ]

    @Test(arguments: conditions)
    func aStoreThatWatchesItselfWarnsToo(_ reported: [StoreCondition], status: String) throws {
        for condition in reported { health.update(condition) }
        expectEqual(health.readiness.status, 200)
        try expectEqual(body(health.readiness)["status"]?.string, status)
        #expect(try check("store:availability")?["output"]?.string?.contains("route") != true)
    }

    @Test func aRecoveredStoreEndsItsWarning() throws {
        health.update(.storeFailed("gone"))
        health.update(.well)
        try expectEqual(body(health.readiness)["status"]?.string, "pass")
    }

    @Test func warningNamesTheFailingPart() throws {
        health.update(Self.met(.vouchers))
        try expectEqual(check("vouchers:availability")?["status"]?.string, "warn")
        #expect(try check("orders:availability") == nil)
        try expectEqual(check("store:availability")?["status"]?.string, "pass")
        health.update(.storeFailed("/var/lib/hush: disk I/O error"))
        let store = try #require(try check("store:availability"))
        expectEqual(store["status"]?.string, "warn")
        expectEqual(store["output"]?.string?.contains("hush"), false)
    }

    /// Calls continue, so this is a warning of its own.
    @Test func missingNotificationsAreASeparateWarning() throws {
        health.update(.interrupted("a flood"))
        #expect(health.readiness.status == 200 && health.isStoreWell)
        try expectEqual(body(health.readiness)["status"]?.string, "warn")
        try expectEqual(check("store:availability")?["status"]?.string, "pass")
        try expectEqual(check("store:notifications")?["output"]?.string?.contains("flood"), false)
        health.update(.resumed)
        try expectEqual(body(health.readiness)["status"]?.string, "pass")
    }
}
