// From the body of an orders action (Mirakl Connect) to an Action.

/// Reads `GET /v2/orders/actions/{action_id}`. Promised are `id` and `status`.
enum OrdersNormalizer {
    static func action(in body: JSONValue, asked id: ActionID) throws(BodyFault) -> Action {
        guard body.isObject else { throw .notAnObject }
        guard let told = body["id"]?.string, let word = body["status"]?.string else {
            throw .lacksIdentity
        }
        guard ActionID(told) == id else { throw .otherAction }
        let (status, isDone) = status(of: word)
        return Action(
            id: id,
            source: .orders,
            status: status,
            isDone: isDone,
            errors: body.items("errors").prefix(Action.errorsMax).map(error),
            createdAt: body["created_at"]?.string,
            updatedAt: body["updated_at"]?.string,
            upstream: Action.UpstreamStatus(status: word, operationStatus: nil))
    }

    private static func status(of word: String) -> (ActionStatus, isDone: Bool) {
        switch word {
        case "PENDING": (.pending, false)
        case "SUCCESS": (.succeeded, true)
        case "FAILED": (.failed, true)
        default: (.unknown, false)
        }
    }

    /// As given. `OTHER` is the upstream's own word for an error without a code of its own.
    private static func error(_ item: JSONValue) -> ActionError {
        let code = item["code"]?.string ?? "OTHER"
        return ActionError(
            code: code, message: item["message"]?.string, errorClass: ErrorClass(code: code),
            target: nil)
    }
}
