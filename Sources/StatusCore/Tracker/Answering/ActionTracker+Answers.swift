// Makes replies: an answer, or a problem.

extension ActionTracker {
    func answer(_ tracked: TrackedAction, _ source: Source, for caller: Caller?) -> Answer {
        let entry = tracked.entries[source]
        guard let state = entry.observed else { preconditionFailure("there is no state to serve") }
        let isDone = state.document.isDone
        var service = Answer.Service.hit
        if let caller, state.at > caller.askedAt {
            service = entry.lastStarter == caller.id ? .miss : .collapsed
        }
        return Answer(
            document: state.document, checkedAt: state.checkedAt, answeredAt: state.answeredAt,
            freshUntil: entry.freshUntil(state, policy, source),
            keptUntil: entry.keptUntil(state, policy),
            nextRefreshAt: isDone ? nil : callableAt(tracked, source, watched: tracked.isWatched),
            staleReason: staleness(tracked, source).reason, service: service)
    }

    func ambiguity(_ sources: [Source]) -> Problem {
        let reports = sources.map { Problem.SourceReport(source: $0, outcome: "found") }
        return Problem(code: .ambiguous, retryAt: nil, sources: reports)
    }

    /// Not found only if every asked upstream answered so; else the first failure in order, and the
    /// earliest time at which one of the failed upstreams can be called again.
    func problem(_ tracked: TrackedAction, _ asked: [Source], for holder: String?) -> Problem {
        var reports: [Problem.SourceReport] = []
        var failures: [Problem.Code] = []
        var retryOfFailed = Instant.distantFuture
        var retryOfNotFound = Instant.distantFuture
        for source in asked {
            let retryAt = callableAt(tracked, source, for: holder)
            let (report, code) = report(knowledge(tracked, source, for: holder), of: source)
            reports.append(report)
            if code == .notFound {
                retryOfNotFound = min(retryOfNotFound, retryAt)
            } else {
                failures.append(code)
                retryOfFailed = min(retryOfFailed, retryAt)
            }
        }
        guard let code = failures.first else {
            return Problem(code: .notFound, retryAt: retryOfNotFound, sources: reports)
        }
        return Problem(code: code, retryAt: retryOfFailed, sources: reports)
    }

    private func report(
        _ knowledge: Knowledge, of source: Source
    ) -> (Problem.SourceReport, Problem.Code) {
        var report = Problem.SourceReport(source: source, outcome: "found")
        switch knowledge {
        case .observed: return (report, .upstreamError)
        case .notFound(let fault), .failed(let fault):
            report.outcome = fault.kind.rawValue
            report.httpStatus = fault.httpStatus
            report.code = fault.code
            report.message = fault.message
            return (report, fault.kind.problemCode)
        case .awaited(let progress):
            report.outcome = progress.word
            return (report, progress.problemCode)
        case .blocked(let blocked):
            report.outcome = blocked.reason.word
            if case .ourSide(let fault) = blocked.reason { report.message = fault.message }
            return (report, blocked.reason.problemCode)
        }
    }
}
