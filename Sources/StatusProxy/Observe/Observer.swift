// Turns the engine's notes into log lines, metrics and health.

import StatusCore

struct Observer: EngineObserver {
    let log: LogWriter
    let metrics: Metrics
    let health: Health

    func observe(_ note: Note) {
        metrics.count(note)
        health.hear(note)
        switch note {
        case .called(let key, let outcome, let took, let sent, let fault):
            logCall(key, outcome, took, sent, fault)
        case .gap, .budgetLeft: break
        case .denied(let source, let obstacle):
            log.log(
                .debug, "upstream call denied",
                ["source": .text(source.name), "reason": .text(obstacle.word)])
        case .breakerOpened(let source, let until):
            logUntil("upstream keeps failing, calls stop", source, until)
        case .breakerClosed(let source):
            log.log(.info, "upstream is well again", ["source": .text(source.name)])
        case .paused(let source, let until): logUntil("upstream asked for a pause", source, until)
        case .credentialFailed(let source, let fault, let until):
            log.log(
                .warning, "no credential for an upstream",
                [
                    "source": .text(source.name),
                    "reason": .text(fault.kind.rawValue),
                    "http_status": fault.httpStatus.map(LogValue.integer) ?? .absent,
                    "code": fault.code.map(LogValue.text) ?? .absent,
                    "detail": fault.message.map(LogValue.text) ?? .absent,
                    "pause": .seconds(until - SystemClock.now()),
                ])
        case .terminalRegressed(let key):
            log.log(
                .warning, "a finished action was told as unfinished; not served",
                ["source": .text(key.source.name), "id": .text(key.id.text)])
        case .storeFailed(let text):
            log.log(.error, "store operation failed", ["error": .text(text)])
        case .storeWorked: log.log(.info, "store operations are carried out again")
        case .quarantined: break
        }
    }

    private func logCall(
        _ key: LookKey, _ outcome: String, _ took: Duration, _ sent: Bool, _ fault: UpstreamFault?
    ) {
        let isGood = fault == nil || fault?.kind == .notFound
        log.log(
            isGood ? .info : .warning, "upstream call",
            [
                "source": .text(key.source.name),
                "id": .text(key.id.text),
                "outcome": .text(outcome),
                "sent": .text(sent ? "yes" : "no"),
                "duration": .seconds(took),
                "http_status": fault?.httpStatus.map(LogValue.integer) ?? .absent,
                "code": fault?.code.map(LogValue.text) ?? .absent,
                "detail": fault?.message.map(LogValue.text) ?? .absent,
            ])
    }

    private func logUntil(_ message: StaticString, _ source: Source, _ until: Instant) {
        log.log(
            .warning, message,
            [
                "source": .text(source.name),
                "pause": .seconds(until - SystemClock.now()),
            ])
    }
}
