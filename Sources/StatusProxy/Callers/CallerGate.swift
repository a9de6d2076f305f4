// Admission of callers, when keys are on: identifies the caller, and checks its quota and its held
// requests.

import Locking
import SocketServer
import StatusCore
import Synchronization

/// A caller with a key. There is one per name, however many keys it has and however often they
/// change.
final class KeyHolder: Sendable {
    let name: String
    /// The name for a log line that is written as bytes.
    let nameBytes: [UInt8]
    private let requests = Atomic(0)
    private let quota: Guarded<RequestQuota>?
    private let heldMax: Int
    private let held = Guarded(Held())

    private struct Held: Sendable {
        var requests = 0
        var questions = 0
    }

    /// Half of the questions that the tracker holds for all callers: a batch is one request with
    /// many questions.
    private static let questionsMax = TrackerPolicy.callersMaxDefault / 2

    init(_ name: String, requestsPerSecond: Int?, heldMax: Int) {
        self.name = name
        nameBytes = Array(name.utf8)
        quota = requestsPerSecond.map { Guarded(RequestQuota(perSecond: $0)) }
        self.heldMax = heldMax
    }

    /// Counts one answered request.
    func count() { requests.add(1, ordering: .relaxed) }

    var requestCount: Int { requests.load(ordering: .relaxed) }

    /// Takes one request from the quota. Nil: granted; else the time when one will be available.
    func take(now: Instant) -> Instant? { quota?.withLock { $0.take(now: now) } }

    /// Takes a place for one held request or event stream with that many questions; false when the
    /// caller has none left. A request without questions needs no place.
    func hold(questions: Int) -> Bool {
        guard questions > 0 else { return true }
        return held.withLock { held in
            guard held.requests < heldMax, held.questions + questions <= Self.questionsMax else {
                return false
            }
            held.requests += 1
            held.questions += questions
            return true
        }
    }

    /// Gives the place back.
    func letGo(questions: Int) {
        guard questions > 0 else { return }
        held.withLock { held in
            held.requests -= 1
            held.questions -= questions
        }
    }
}

/// The decision about a request with a key.
enum Admission: Sendable {
    case admitted(KeyHolder)
    case unknown
    /// The caller's quota is used up until `retryAt`.
    case tooMany(KeyHolder, retryAt: Instant)
}

/// Identifies callers by their keys. Safe from any queue.
final class CallerGate: Sendable {
    private let requestsPerSecond: Int?
    private let heldMax: Int
    /// All have the same content: there is one for each loop, so that no loop waits for a lock.
    private let shards: [Guarded<[KeyDigest: KeyHolder]>]
    private let failed = Guarded(FailedKeys())

    init(_ keys: CallerKeys, requestsPerSecond: Int?, heldMax: Int, shards: Int) {
        self.requestsPerSecond = requestsPerSecond
        self.heldMax = heldMax
        self.shards = (0..<max(1, shards)).map { _ in Guarded([:]) }
        replace(keys)
    }

    /// Replaces the valid keys. Quotas and held requests of a name continue. Not to be called
    /// concurrently.
    func replace(_ keys: CallerKeys) {
        var callers: [String: KeyHolder] = [:]
        for caller in shards[0].withLock({ $0 }).values { callers[caller.name] = caller }
        var known: [KeyDigest: KeyHolder] = [:]
        for (digest, name) in keys.names {
            let caller =
                callers[name]
                ?? KeyHolder(name, requestsPerSecond: requestsPerSecond, heldMax: heldMax)
            callers[name] = caller
            known[digest] = caller
        }
        let result = known
        for shard in shards { shard.withLock { $0 = result } }
    }

    /// The number of answered requests by name, refused ones included.
    var requestCounts: [(name: String, count: Int)] {
        let callers = shards[0].withLock { $0 }.values.map { ($0.name, $0.requestCount) }
        return Dictionary(callers) { first, _ in first }.map { ($0.key, $0.value) }
            .sorted { $0.0 < $1.0 }
    }

    /// Counts a request with a wrong key, or without one. Nil: the peer's quota allows it; else the
    /// time when it will. Requests with valid keys do not count: callers may share a peer, such as
    /// a proxy.
    func refuse(_ peer: PeerAddress?, now: Instant) -> Instant? {
        failed.withLock { $0.take(peer?.network ?? "", now: now) }
    }

    func admit(_ key: Span<UInt8>, now: Instant, shard: Int) -> Admission {
        let digest = KeyDigest(of: key)
        guard let caller = shards[shard].withLock({ $0[digest] }) else { return .unknown }
        return caller.take(now: now).map { .tooMany(caller, retryAt: $0) } ?? .admitted(caller)
    }
}
