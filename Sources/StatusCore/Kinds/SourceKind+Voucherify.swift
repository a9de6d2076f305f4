// The kind of Voucherify's async actions.

extension SourceKind {
    /// `GET /v1/async-actions/{id}`. The budget is a share, since every use of a project's API
    /// counts.
    public static let voucherify = SourceKind(
        name: "voucherify", baseURL: "https://api.voucherify.io", minInterval: .seconds(30),
        callsPerDay: 2400, idPattern: .prefix("aa_"),
        credentials: CredentialForms(
            tokenURL: "/v2/oauth/token", tokenAuthentication: .basic,
            applicationKeys: .init(id: "X-App-Id", token: "X-App-Token")),
        api: SourceAPI(path: "/v1/async-actions/{id}", reader: VoucherifyReader()))
}

/// Voucherify promises nothing: each field may be absent or null.
struct VoucherifyReader: StateReader {
    func action(
        in body: JSONValue, of source: Source, asked id: ActionID
    ) throws(BodyFault) -> Action {
        guard body.isObject else { throw .notAnObject }
        let word = body["status"]?.string
        switch body["id"]?.string {
        case let reported?: guard ActionID(reported) == id else { throw .otherAction }
        case nil: guard word != nil else { throw .lacksIdentity }
        }
        let operationWord = body["operation_status"]?.string
        let tally = VoucherTally(body["result"])
        let (status, isDone) = Self.status(of: word, operationWord, tally)
        return Action(
            id: id,
            source: source,
            type: body["type"]?.string,
            status: status,
            isDone: isDone,
            progress: body["progress"]?.integer.flatMap { (0...100).contains($0) ? $0 : nil },
            counts: tally.counts,
            errors: tally.errors,
            result: body["result"],
            createdAt: body["created_at"]?.string,
            updatedAt: body["updated_at"]?.string,
            processingTimeMilliseconds: body["processing_time"]?.milliseconds,
            requestID: body["request_id"]?.string,
            upstream: Action.UpstreamStatus(status: word, operationStatus: operationWord))
    }

    /// `{code: integer, key: "not_found", message, …}`. The second documented shape `{statusCode,
    /// error, message}` is the answer of Node's frameworks for an unknown route.
    func isNotFound(_ body: JSONValue) -> Bool {
        body["code"]?.wholeNumber != nil && body["key"]?.string == "not_found"
            && body["message"]?.string != nil
    }

    private static func status(
        of word: String?, _ operationWord: String?, _ tally: VoucherTally
    ) -> (ActionStatus, isDone: Bool) {
        switch word {
        case "ENQUEUED": (.pending, false)
        case "IN_PROGRESS": (.inProgress, false)
        case "FAILED": (.failed, true)
        case "DONE": (end(operationWord, tally), true)
        default: (.unknown, false)
        }
    }

    /// `DONE` means ended, not succeeded: the items' results decide.
    private static func end(_ operationWord: String?, _ tally: VoucherTally) -> ActionStatus {
        if operationWord == "FAILED" { return .failed }
        return switch tally.failures {
        case .unreadable: .unknown
        case .somethingFailed: tally.hasSuccesses ? .partiallySucceeded : .failed
        case .nothingFailed: .succeeded
        case .unreported: operationWord == "SUCCESS" ? .succeeded : .unknown
        }
    }
}
