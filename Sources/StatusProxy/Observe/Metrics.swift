// The metrics, and their text for Prometheus (text format 0.0.4).

import Locking
import SocketServer
import StateStores
import StatusCore

/// The process's counters and gauges. No label contains an action id.
final class Metrics: Sendable {
    let state = Guarded(State())

    struct State: Sendable {
        var calls: [CallKey: Int] = [:]
        var callDurations: [Source: Histogram] = [:]
        var smallestGaps: [Source: Duration] = [:]
        var denials: [CallKey: Int] = [:]
        var violations: [Source: Int] = [:]
        var credentialFailures: [CallKey: Int] = [:]
        /// Finished actions, by status.
        var finished: [CallKey: Int] = [:]
        /// Their errors, by class.
        var errors: [CallKey: Int] = [:]
        var actionDurations: [Source: Histogram] = [:]
        var openBreakers: Set<Source> = []
        var storeFailures = 0
        var storeIsAway = false
        var storeLosses = 0
        var notificationsUnreadable = 0
        var notificationLosses = 0
        var anomalies: [Source: Int] = [:]
        /// Loops that have no descriptor for a new connection.
        var shortOfDescriptors = 0
        var shortages = 0
        var connectionsRefused: [String: Int] = ["limit": 0, "unread": 0, "descriptors": 0]
        var cuts: [Cut.Reason: Int] = [:]
        /// Nil without caller keys.
        var callerKeysAreGood: Bool?
    }

    struct CallKey: Hashable, Sendable {
        var source: Source
        var outcome: String
    }

    /// Figures that other objects keep.
    struct Gauges {
        var server: ServerFigures
        var storedActions: Int
        var storedBytes: Int
        var waitingCallers: Int
        var eventStreams: Int
        var storeIsUp: Bool
        var longestTurn = Duration.zero
        var logLinesLost = 0
        var process: ProcessFigures?
        /// With caller keys: the number of answered requests of each caller.
        var callers: [(name: String, count: Int)] = []
        var upstreams: [UpstreamFigures] = []
        var now = SystemClock.now()
        var wall = SystemClock.wall()
    }

    func count(_ note: Note) {
        state.withLock { state in
            switch note {
            case .called(let key, let outcome, let took, _, _, _):
                state.calls[CallKey(source: key.source, outcome: outcome), default: 0] += 1
                state.callDurations[key.source, default: Histogram()].add(took)
            case .gap(let source, let smallest): state.smallestGaps[source] = smallest
            case .violated(let source, _): state.violations[source, default: 0] += 1
            case .finished(let key, let status, let ending):
                state.count(key.source, status, ending)
            case .denied(let source, let block):
                state.denials[CallKey(source: source, outcome: block.word), default: 0] += 1
            case .blocked(let source, let block, _):
                if block.kind == .breaker { state.openBreakers.insert(source) }
                if block.kind == .credential, let fault = block.fault {
                    let key = CallKey(source: source, outcome: fault.kind.rawValue)
                    state.credentialFailures[key, default: 0] += 1
                }
            case .unblocked(let source, let block):
                if block.kind == .breaker { state.openBreakers.remove(source) }
            case .storeWorked: break
            case .terminalRegressed(let key): state.anomalies[key.source, default: 0] += 1
            case .storeFailed: state.storeFailures += 1
            }
        }
    }

    func count(_ condition: StoreCondition) {
        state.withLock { state in
            switch condition {
            case .well, .quarantined: state.storeIsAway = false
            case .away:
                if !state.storeIsAway { state.storeLosses += 1 }
                state.storeIsAway = true
            }
        }
    }

    func count(_ event: NotificationEvent) {
        state.withLock { state in
            switch event {
            case .unreadable(let count): state.notificationsUnreadable += count
            case .interrupted: state.notificationLosses += 1
            case .resumed: break
            }
        }
    }

    func count(_ shortage: ResourceExhaustion) {
        state.withLock { state in
            switch shortage {
            case .began:
                state.shortOfDescriptors += 1
                state.shortages += 1
            case .ended: state.shortOfDescriptors -= 1
            }
        }
    }

    func count(_ connectionsRefused: ConnectionRefusal) {
        let reason =
            switch connectionsRefused {
            case .overLimit: "limit"
            case .unread: "unread"
            case .noDescriptor: "descriptors"
            }
        state.withLock { $0.connectionsRefused[reason, default: 0] += 1 }
    }

    func count(_ cut: Cut) { state.withLock { $0.cuts[cut.reason, default: 0] += 1 } }

    /// Records whether the file of caller keys was valid when it was last read.
    func record(callerKeysAreGood isGood: Bool) { state.withLock { $0.callerKeysAreGood = isGood } }

    func smallestGap(of source: Source) -> Duration? {
        state.withLock { $0.smallestGaps[source] }
    }
}
