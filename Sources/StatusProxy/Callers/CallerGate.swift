// The door for callers, when keys are on: who is it, and does its quota last?

import Locking
import StatusCore

/// Somebody with a key. One per name, however many keys it has and however often they are exchanged.
final class KeyHolder: Sendable {
    let name: String
    /// For a line that is put together from bytes.
    let nameBytes: [UInt8]
    private let quota: Guarded<RequestQuota>?

    init(_ name: String, requestsPerSecond: Int?) {
        self.name = name
        nameBytes = Array(name.utf8)
        quota = requestsPerSecond.map { Guarded(RequestQuota(perSecond: $0)) }
    }

    /// Takes one request of the quota; else returns when there will be one.
    func take(now: Instant) -> Instant? { quota?.withLock { $0.take(now: now) } }
}

/// What a request with a key is told.
enum Admission: Sendable {
    case admitted(KeyHolder)
    case unknown
    /// The caller's quota is used up until then.
    case tooMany(KeyHolder, retryAt: Instant)
}

/// Knows callers by their keys. Safe from any queue.
final class CallerGate: Sendable {
    private let requestsPerSecond: Int?
    /// The same in each: one per loop, so that a lane's lock is never waited for.
    private let lanes: [Guarded<[KeyDigest: KeyHolder]>]

    init(_ keys: CallerKeys, requestsPerSecond: Int?, lanes: Int) {
        self.requestsPerSecond = requestsPerSecond
        self.lanes = (0..<max(1, lanes)).map { _ in Guarded([:]) }
        replace(keys)
    }

    /// From now on these keys count. Quotas go on by name. One call at a time.
    func replace(_ keys: CallerKeys) {
        var callers: [String: KeyHolder] = [:]
        for caller in lanes[0].withLock({ $0 }).values { callers[caller.name] = caller }
        var known: [KeyDigest: KeyHolder] = [:]
        for (digest, name) in keys.names {
            let caller = callers[name] ?? KeyHolder(name, requestsPerSecond: requestsPerSecond)
            callers[name] = caller
            known[digest] = caller
        }
        let result = known
        for lane in lanes { lane.withLock { $0 = result } }
    }

    func admit(_ key: Span<UInt8>, now: Instant, lane: Int) -> Admission {
        let digest = KeyDigest(of: key)
        guard let caller = lanes[lane].withLock({ $0[digest] }) else { return .unknown }
        return caller.take(now: now).map { .tooMany(caller, retryAt: $0) } ?? .admitted(caller)
    }
}
