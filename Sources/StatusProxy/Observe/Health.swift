// The health of the process: liveness, readiness, and dependencies.

import HTTPWire
import Locking
import StateStores
import StatusAPI
import StatusCore

/// Answers health checks. A failing upstream or store is `warn`, not `fail`: the process can still
/// serve stored answers, and a shared dependency must not take the whole fleet out. A process that
/// has never reached its store has nothing to serve, so it is `fail` until then.
final class Health: Sendable {
    private let state = Guarded(State())

    private struct State {
        var isDraining = false
        var isStoreReached = false
        var storeHasFailed = false
        /// The condition that a store reports, if it watches its own connection.
        var storeCondition: StoreCondition?
        var areNotificationsReceived = true
        /// The current blocks, oldest first.
        var blocks: [(source: Source, block: SourceBlock)] = []

        mutating func remove(_ source: Source, _ kind: SourceBlock.Kind) {
            blocks.removeAll { $0.source == source && $0.block.kind == kind }
        }
    }

    func startDraining() { state.withLock { $0.isDraining = true } }

    func update(_ note: Note) {
        state.withLock { state in
            switch note {
            case .storeFailed: state.storeHasFailed = true
            case .storeWorked: state.storeHasFailed = false
            case .blocked(let source, let block, _):
                state.remove(source, block.kind)
                state.blocks.append((source, block))
            case .unblocked(let source, let block): state.remove(source, block.kind)
            case .called, .denied, .terminalRegressed, .gap, .violated, .finished: break
            }
        }
    }

    func update(_ condition: StoreCondition) {
        state.withLock { state in
            state.storeCondition = condition
            switch condition {
            case .well:
                state.isStoreReached = true
                state.storeHasFailed = false
            case .quarantined: state.isStoreReached = true
            case .away: break
            }
        }
    }

    func update(_ event: NotificationEvent) {
        state.withLock { state in
            switch event {
            case .resumed: state.areNotificationsReceived = true
            case .interrupted: state.areNotificationsReceived = false
            case .unreadable: break
            }
        }
    }

    /// Whether the store allows calls.
    var isStoreWell: Bool {
        state.withLock { $0.isStoreReached && Self.storeTrouble($0) == nil }
    }

    var liveness: Response {
        HealthWriter.response(.pass, version: ProgramVersion.text)
    }

    var readiness: Response {
        let state = state.withLock { $0 }
        if state.isDraining {
            return HealthWriter.response(
                .fail, version: ProgramVersion.text, output: "draining: about to stop")
        }
        guard state.isStoreReached else {
            return HealthWriter.response(
                .fail, version: ProgramVersion.text, output: Self.notReached(state))
        }
        let checks = Self.checks(state)
        let status = checks.contains { $0.status == .warn } ? HealthStatus.warn : .pass
        return HealthWriter.response(status, version: ProgramVersion.text, checks: checks)
    }

    /// One line for the service manager: trouble of the service itself, and the state of each
    /// source.
    func summary(of sources: [Source]) -> String {
        let state = state.withLock { $0 }
        var own = state.isStoreReached ? Self.storeTrouble(state) : Self.notReached(state)
        if state.isDraining { own = "draining: about to stop" }
        let blocked = Self.blockedSources(state)
        let upstreams = sources.map { source in
            blocked.first { $0.source == source }?.sentences ?? "\(source.name) is ok"
        }
        return ([own].compactMap { $0 } + upstreams).joined(separator: "; ")
    }

    /// The blocked sources, ordered by name.
    private static func blockedSources(_ state: State) -> [(source: Source, sentences: String)] {
        let clocks = SystemClock.both()
        let standing = state.blocks.filter { $0.block.stands(clocks.instant) }
        return Set(standing.map(\.source)).sorted().map { source in
            let sentences = standing.filter { $0.source == source }
                .map { $0.block.sentence(source, clocks) }
            return (source, sentences.joined(separator: "; "))
        }
    }

    private static func checks(_ state: State) -> [HealthCheck] {
        let upstreams = blockedSources(state).map { source, sentences in
            HealthCheck(
                name: "\(source.name):availability", status: .warn, output: sentences)
        }
        let trouble = storeTrouble(state)
        let store = HealthCheck(
            name: "store:availability", status: trouble == nil ? .pass : .warn, output: trouble)
        return upstreams + [store] + (state.areNotificationsReceived ? [] : [notifications])
    }

    private static let notifications = HealthCheck(
        name: "store:notifications", status: .warn,
        output: "changes by other replicas are read from the store, up to a second later")

    /// Includes the reason: only operators ask a process that gets no traffic.
    private static func notReached(_ state: State) -> String {
        let words = "starting: the store has not been reached yet"
        guard case .away(let reason) = state.storeCondition else { return words }
        return "\(words): \(reason)"
    }

    /// In public words: details for operators are in the log.
    private static func storeTrouble(_ state: State) -> String? {
        let now = SystemClock.now()
        // A store that does not watch itself reports it when a call is reserved.
        var isQuarantined = state.blocks.contains {
            $0.block.kind == .quarantine && $0.block.stands(now)
        }
        if case .quarantined = state.storeCondition { isQuarantined = true }
        if isQuarantined {
            return
                "the store has lost part of its history; no calls until that no longer matters"
        }
        let isWell = !state.storeHasFailed && state.storeCondition == .well
        return isWell ? nil : "the store cannot be used; no calls are made"
    }
}
