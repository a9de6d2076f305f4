// The tracker's effects carried out: the store asked, upstreams called, callers answered.

import Dispatch
import Locking
import StatusAPI
import StatusCore
import Synchronization

extension Engine {
    func carryOut(_ effect: Effect) {
        switch effect {
        case .lookUp(let id, let requests): lookUp(id, orReserve: requests)
        case .reread(let ids): reread(ids)
        case .prepare(let key, let flight): prepare(key, flight)
        case .reserve(let reservation, let flight): reserve(reservation, flight)
        case .call(let key, let flight, let sendBefore): call(key, flight, sendBefore)
        case .complete(let completion, let flight): complete(completion, flight)
        case .refuseCredential(let source): clients[source]?.refuseCredential()
        case .leaveAlone(let source, let until): clients[source]?.leaveAlone(until: until)
        case .reply(let caller, let reply): backlog.add(reply: reply, to: caller)
        case .explain(let caller, let explanation):
            explanationReplies.removeValue(forKey: caller)?(explanation)
        case .publish(let id, let snapshot): responses.publish(id, snapshot)
        case .withdraw(let id): responses.withdraw(id)
        case .note(let note): observer.observe(note)
        }
    }

    private func lookUp(_ id: ActionID, orReserve requests: [Reservation]) {
        lookUps += 1
        // While a token is fetched, a slot would only grow old.
        let ready = requests.filter {
            isRegistered && clients[$0.key.source]?.isPrepared() == true
        }
        store.lookUp([id], orReserve: ready) { result in
            self.report { engine in
                engine.lookUps -= 1
                let onlyRead = (try? result.get().reservations.isEmpty) ?? ready.isEmpty
                engine.watch(result, writes: !onlyRead)
                engine.take(.lookedUp(id, result))
            }
        }
    }

    private func reread(_ ids: [ActionID]) {
        store.lookUp(ids) { result in
            self.report { engine in
                engine.watch(result, writes: false)
                engine.take(.reread(ids, result))
            }
        }
    }

    private func prepare(_ key: EntryKey, _ flight: UInt64) {
        clients[key.source]?.prepare { failure in
            self.report { $0.take(.prepared(key, flight: flight, failure)) }
        }
    }

    private func reserve(_ reservation: Reservation, _ flight: UInt64) {
        guard isRegistered else {
            return register { engine, result in
                switch result {
                case .success: engine.reserve(reservation, flight)
                case .failure(let failure):
                    engine.take(
                        .reserved(reservation.key, flight: flight, .failure(failure)))
                }
            }
        }
        store.reserve(reservation) { result in
            self.report { engine in
                engine.watch(result, writes: true)
                engine.take(.reserved(reservation.key, flight: flight, result))
            }
        }
    }

    private func call(_ key: EntryKey, _ flight: UInt64, _ sendBefore: Instant) {
        let trace = tracker.starter(of: key).flatMap { held[$0]?.trace }
        let field = trace?.continued(by: .random(in: .min ... .max))
        guard let reader = readers[key.source] else { return }
        clients[key.source]?.call(key.id, sendBefore: sendBefore, trace: field) { report in
            let clocks = SystemClock.both()
            let normalize: @Sendable () -> Void = {
                let meaning = CallReport(report, key, reader, clocks: clocks)
                self.report { $0.take(.called(key, flight: flight, meaning)) }
            }
            guard report.bodyBytes > Self.smallBodyMax else { return normalize() }
            self.normalizing.async(execute: normalize)
        }
    }

    private func complete(_ completion: Completion, _ flight: UInt64) {
        store.complete(completion) { result in
            self.report { engine in
                engine.watch(result, writes: true)
                engine.take(.completed(completion.key, flight: flight, result))
            }
        }
    }

    func woke() {
        wakeAt = .distantFuture
        take(.woke)
    }

    /// Registers the sources in the store, before the first call. Smallest gaps that earlier
    /// processes saw are taken over.
    func register(
        _ done: @escaping @Sendable (Engine, Result<Void, StoreFailure>) -> Void
    ) {
        let holds = policy.configured.map { ($0, policy.sources[$0]?.hold ?? .zero) }
        store.register(Dictionary(uniqueKeysWithValues: holds)) { result in
            self.report { engine in
                engine.watch(result, writes: true)
                if case .success(let gaps) = result, !engine.isRegistered {
                    engine.isRegistered = true
                    for source in engine.policy.configured {
                        guard let gap = gaps[source] else { continue }
                        engine.observer.observe(.gap(source, smallest: gap))
                    }
                }
                done(engine, result.map { _ in })
            }
        }
    }

    func purge() {
        // If the store was away at the start.
        if !isRegistered { register { _, _ in } }
        store.purge(retention) { result in
            self.report { engine in
                engine.watch(result, writes: true)
                guard case .failure(let failure) = result else {
                    return engine.planPurge(after: engine.purgeInterval)
                }
                engine.observer.observe(.storeFailed("\(failure)"))
                engine.planPurge(after: min(engine.purgeInterval, Self.purgeRetryMax))
            }
        }
    }

    func planPurge(after span: Duration) {
        purgeTimer.schedule(
            deadline: .now() + .nanoseconds(Int(span.nanoseconds)), leeway: .milliseconds(200))
    }

    /// Observes from every operation whether the store works.
    private func watch<Value>(_ result: Result<Value, StoreFailure>, writes: Bool) {
        switch result {
        case .success: if troubles.ended(byWriting: writes) { observer.observe(.storeWorked) }
        case .failure: troubles.began(byWriting: writes)
        }
    }

    /// Plans a wake. Work that is due already comes after the work that has arrived meanwhile.
    func scheduleWake() {
        let times = [tracker.nextWake, backlog.patienceEndsAt].compactMap { $0 }
        guard let next = times.min(), next < wakeAt else { return }
        wakeAt = next
        let wait = next - SystemClock.now()
        guard wait > .zero else { return report { $0.woke() } }
        wakeTimer.schedule(
            deadline: .now() + .nanoseconds(Int(wait.nanoseconds)), leeway: .milliseconds(1))
    }

    func notifyIfQuiet() {
        guard let done = whenQuiet, tracker.flights == 0 else { return }
        whenQuiet = nil
        done()
    }
}
