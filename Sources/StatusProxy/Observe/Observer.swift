// Turns the engine's notes into log lines, metrics and health.

import Locking
import StatusAPI
import StatusCore

final class Observer: EngineObserver {
    private let log: LogWriter
    private let metrics: Metrics
    private let health: Health
    /// Whether the begin of a store failure has been logged.
    private let isStoreFailing = Guarded(false)

    init(log: LogWriter, metrics: Metrics, health: Health) {
        self.log = log
        self.metrics = metrics
        self.health = health
    }

    func observe(_ note: Note) {
        metrics.count(note)
        health.update(note)
        switch note {
        case .called(let key, let outcome, let took, let sent, let fault, let cause):
            logCall(key, outcome, took, sent, fault, cause)
        case .gap, .finished: break
        case .violated(let source, let gap):
            log.log(
                .error, "two calls for one action were too close together",
                ["source": .text(source.name), "gap_ms": .milliseconds(gap)])
        case .denied(let source, let reason):
            log.log(
                .debug, "upstream call denied",
                ["source": .text(source.name), "reason": .text(reason.word)])
        case .blocked(let source, let block, let isNew):
            logBlock(isNew ? .warning : .debug, block.beginning, source, block)
        case .unblocked(let source, let block):
            log.log(
                .info, block.end,
                ["source": .text(source.name), "reason": .text(block.kind.word)])
        case .terminalRegressed(let key):
            log.log(
                .warning, "upstream reports a finished action as unfinished; ignored",
                ["source": .text(key.source.name), "action_id": .text(key.id.text)])
        case .storeFailed(let text):
            let isFirst = isStoreFailing.withLock { isFailing in
                defer { isFailing = true }
                return !isFailing
            }
            log.log(
                isFirst ? .error : .debug, "store operations fail, calls stop",
                ["reason": "store-unavailable", "error": .text(text)])
        case .storeWorked:
            isStoreFailing.withLock { $0 = false }
            log.log(
                .info, "store operations succeed again", ["reason": "store-unavailable"])
        }
    }

    private func logCall(
        _ key: EntryKey, _ outcome: String, _ took: Duration, _ sent: Bool, _ fault: UpstreamFault?,
        _ cause: String?
    ) {
        let isGood = fault == nil || fault?.kind == .notFound
        log.log(
            isGood ? .info : .warning, "upstream call",
            [
                "source": .text(key.source.name),
                "action_id": .text(key.id.text),
                "request_id": LogValue(cause),
                "outcome": .text(outcome),
                "sent": .text(sent ? "yes" : "no"),
                "duration_ms": .milliseconds(took),
                "http_status": LogValue(fault?.httpStatus),
                "code": LogValue(fault?.code),
                "detail": LogValue(fault?.message),
            ])
    }

    private func logBlock(
        _ level: LogLevel, _ message: StaticString, _ source: Source, _ block: SourceBlock
    ) {
        let fault = block.fault
        log.log(
            level, message,
            [
                "source": .text(source.name),
                "reason": .text(block.kind.word),
                "until": LogValue(SystemClock.both().text(block.until)),
                "outcome": LogValue(fault?.kind.rawValue),
                "http_status": LogValue(fault?.httpStatus),
                "code": LogValue(fault?.code),
                "detail": LogValue(fault?.message),
            ])
    }
}

extension SourceBlock {
    fileprivate var beginning: StaticString {
        switch kind {
        case .pause where fault == nil: "source is paused in the store, calls stop"
        case .pause: "upstream asked for a pause, calls stop"
        case .breaker: "upstream keeps failing, calls stop"
        case .budget: "call budget is spent"
        case .credential: "no credential that the upstream accepts"
        case .resources: "no resources left to make calls"
        case .quarantine: "store has lost part of its history, calls stop"
        }
    }

    fileprivate var end: StaticString {
        switch kind {
        case .pause: "upstream's pause is over"
        case .breaker: "upstream has recovered"
        case .budget: "call budget is available again"
        case .credential: "credential is accepted again"
        case .resources: "calls can be made again"
        case .quarantine: "store's quarantine is over"
        }
    }
}
