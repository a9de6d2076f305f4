// An explanation in words: one sentence, and a short timeline.

internal import StatusCore

extension Explanation {
    /// Why the answer is what it is, in one sentence.
    func summary(_ clocks: Clocks) -> String {
        let views = sources.filter { asked.contains($0.source) }
        let answered = views.filter { $0.answer != nil }
        if answered.isEmpty, views.contains(where: \.isStoppedByStore) {
            return "Nothing is known of '\(id)' while this service's own store cannot be used."
        }
        guard wasAsked else {
            return "Nobody has asked for '\(id)' yet, so nothing is known of it."
        }
        guard answered.count < 2 else {
            let names = answered.map(\.source.name).joined(separator: " and ")
            return "\(names) know '\(id)': choose one with 'source'."
        }
        if let view = answered.first, let answer = view.answer {
            return view.sentence(answer, clocks)
        }
        guard let view = views.first(where: { !$0.hasNotFound }) ?? views.first else {
            return "No source is asked for '\(id)'."
        }
        return view.sentenceWithoutAnswer(views.map(\.source.name), clocks)
    }

    /// For a terminal: the sentence, then a timeline for each source.
    func text(_ clocks: Clocks) -> String {
        var lines = [summary(clocks)]
        for view in sources where view.isOfInterest {
            lines += ["", view.source.name]
            lines += view.timeline(clocks).map { "  \($0)" }
        }
        return lines.joined(separator: "\n") + "\n"
    }
}

extension Explanation.SourceView {
    var hasNotFound: Bool { failure?.outcome == UpstreamFault.Kind.notFound.rawValue }

    fileprivate var isStoppedByStore: Bool {
        if case .blocked(.store, _) = whyNotFresher { true } else { false }
    }

    fileprivate var isOfInterest: Bool {
        answer != nil || failure != nil || !lastCalls.isEmpty || !blocks.isEmpty
    }

    fileprivate func sentence(_ answer: Explanation.AnswerView, _ clocks: Clocks) -> String {
        let state =
            "\(answer.status.rawValue), as \(source.name) answered at"
            + " \(RFC3339.format(answer.checkedAt))"
        if answer.isDone { return "\(state); a finished action is not refreshed." }
        guard let reason = answer.staleReason else { return "\(state); \(next(clocks))." }
        let cause = cause(clocks) ?? reason.phrase
        return "\(state), and stale since then: \(cause); \(next(clocks))."
    }

    fileprivate func sentenceWithoutAnswer(_ names: [String], _ clocks: Clocks) -> String {
        if hasNotFound {
            let verb = names.count == 1 ? "does not" : "do not"
            let names = names.joined(separator: " and ")
            return "\(names) \(verb) know this id, asked \(failure?.repeats ?? 1) times;"
                + " a new action can take a while; \(next(clocks))."
        }
        let cause = cause(clocks) ?? failure.map { "\(source.name): \($0.outcome)" }
        guard let cause else {
            return "There is no answer of \(source.name) yet: \(progress.phrase)."
        }
        return "There is no answer of \(source.name): \(cause); \(next(clocks))."
    }

    /// What prevents a call; nil if nothing does.
    private func cause(_ clocks: Clocks) -> String? {
        if isStoppedByStore {
            return "this service's own store cannot be used, so no calls are made"
        }
        if !blocks.isEmpty {
            return blocks.map { $0.sentence(source, clocks) }.joined(separator: "; ")
        }
        return failure.map { "the last call failed: \(source.name) \($0.phrase)" }
    }

    private func next(_ clocks: Clocks) -> String {
        switch whyNotFresher {
        case .underWay: return "a call is under way"
        case .nobodyAsks: return "the next request causes a call"
        case .finished, .interval, .blocked: break
        }
        guard let at = clocks.text(nextCallAt) else {
            return "it is not known when the next call may be made"
        }
        return "the next call may be made at \(at)"
    }

    fileprivate func timeline(_ clocks: Clocks) -> [String] {
        var lines = lastCalls.map { call in
            let at = clocks.text(call.endedAt) ?? ""
            let took = call.took.nanoseconds / 1_000_000
            return
                "\(at)  \(call.outcome), \(call.wasSent ? "after \(took) ms" : "nothing was sent")"
        }
        if lines.isEmpty, let answer {
            lines.append("\(RFC3339.format(answer.checkedAt))  \(answer.status.rawValue)")
        }
        if let nextCallAt = clocks.text(nextCallAt) {
            lines.insert("\(nextCallAt)  the next call may be made", at: 0)
        }
        if let budgetLeft {
            let day = budgetLeft.day.map { ", \($0) for this day" } ?? ""
            lines.append("calls left: \(budgetLeft.minute) for this minute\(day)")
        }
        return lines + blocks.map { $0.sentence(source, clocks) }
    }
}

extension Explanation.FailureView {
    fileprivate var phrase: String {
        let kind = UpstreamFault.Kind(rawValue: outcome)
        return kind.map { UpstreamFault(kind: $0, httpStatus: httpStatus).phrase } ?? outcome
    }
}

extension Explanation.Progress {
    fileprivate var phrase: String {
        switch self {
        case .idle: "no call is under way"
        case .deferred: "a call waits for its turn"
        case .preparing: "a credential is being fetched"
        case .reserving: "a call is being reserved in the store"
        case .calling, .completing: "a call is under way"
        case .elsewhere: "another process is calling"
        }
    }
}

extension StaleReason {
    fileprivate var phrase: String {
        switch self {
        case .notFound: "the upstream does not know the id any more"
        case .error: "the upstream's last answer could not be used"
        case .unavailable: "the upstream could not be called"
        case .timeout: "the upstream did not answer in time"
        case .slow: "the call under way takes long"
        case .throttled: "the upstream asked for a pause"
        case .breakerOpen: "the upstream keeps failing"
        case .budgetSpent: "the call budget is spent"
        case .storeUnavailable: "this service's own store cannot be used"
        case .overloaded: "this service has no resources left to make a call"
        }
    }
}
