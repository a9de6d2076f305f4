// How the process is: alive, ready, and what it depends on.

import HTTPWire
import Locking
import StateStores
import StatusAPI
import StatusCore

/// Answers health checks. Trouble with an upstream or the store is `warn`, never `fail`: the process
/// can still serve what it has, and a shared dependency must not take the whole fleet out.
final class Health: Sendable {
    private let state = Guarded(State())

    private struct State {
        var isDraining = false
        var storeTrouble: String?
        /// What a store says of itself that watches its own connection.
        var storeCondition = StoreCondition.well
        var openBreakers: Set<Source> = []
    }

    func startDraining() { state.withLock { $0.isDraining = true } }

    func hear(_ note: Note) {
        state.withLock { state in
            switch note {
            case .storeFailed(let text): state.storeTrouble = text
            case .denied(_, .quarantine): state.storeTrouble = "quarantined"
            case .budgetLeft, .gap: state.storeTrouble = nil
            case .breakerOpened(let source, _): state.openBreakers.insert(source)
            case .breakerClosed(let source): state.openBreakers.remove(source)
            case .called, .denied, .paused, .credentialFailed, .terminalRegressed: break
            }
        }
    }

    func hear(_ condition: StoreCondition) {
        state.withLock { state in
            state.storeCondition = condition
            if condition == .well { state.storeTrouble = nil }
        }
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
        let checks = Self.checks(state)
        let status = checks.contains { $0.status == .warn } ? HealthStatus.warn : .pass
        return HealthWriter.response(status, version: ProgramVersion.text, checks: checks)
    }

    private static func checks(_ state: State) -> [HealthCheck] {
        let upstreams = state.openBreakers.sorted().map {
            HealthCheck(
                name: "\($0.rawValue):availability", status: .warn,
                output: "the upstream keeps failing; calls have stopped for a moment")
        }
        let trouble = storeTrouble(state)
        let store = HealthCheck(
            name: "store:availability", status: trouble == nil ? .pass : .warn, output: trouble)
        return upstreams + [store]
    }

    /// In public words: what operators have to know stands in the log.
    private static func storeTrouble(_ state: State) -> String? {
        if case .quarantined = state.storeCondition {
            return "the store has lost some of its past; no calls until that cannot matter any more"
        }
        let isWell = state.storeTrouble == nil && state.storeCondition == .well
        return isWell ? nil : "the store cannot be used; no calls are made"
    }
}
