// The kinds of Mirakl Connect: order actions and conversation actions, both by description.

extension SourceKind {
    /// `GET /v2/orders/actions/{action_id}`.
    public static let miraklOrders = mirakl(
        "mirakl-orders", path: "/v2/orders/actions/{id}",
        statuses: #"{"PENDING": "PENDING", "SUCCESS": "SUCCEEDED", "FAILED": "FAILED"}"#)

    /// `GET /conversations/actions/{action_id}`. Its ids are not those of order actions.
    public static let miraklConversations = mirakl(
        "mirakl-conversations", path: "/conversations/actions/{id}",
        statuses: #"""
            {"PENDING": "PENDING", "SUCCESS": "SUCCEEDED", "FAILED": "FAILED", "ERROR": "FAILED"}
            """#)

    /// Mirakl's documentation: at most one call a minute for each action; one in five minutes is
    /// recommended.
    private static func mirakl(_ name: String, path: String, statuses: String) -> SourceKind {
        SourceKind(
            name: name, baseURL: "https://miraklconnect.com/api", leastInterval: .seconds(60),
            callsPerMinute: 600, idPattern: .uuid,
            credentials: CredentialForms(
                token: true, tokenURL: "https://auth.mirakl.net/oauth/token", audience: true),
            api: .described(
                #"""
                {
                  "path": "\#(path)",
                  "required": ["/id", "/status"],
                  "not_found": ["/code", "/message"],
                  "id": "/id",
                  "status": "/status",
                  "statuses": \#(statuses),
                  "created_at": "/created_at",
                  "updated_at": "/updated_at",
                  "errors": {
                    "items": "/errors", "code": "/code", "message": "/message",
                    "classes": {
                      "INVALID_INPUT": "input", "INVALID_PRODUCT_ID": "input",
                      "MISSING_CARRIER": "input", "WAREHOUSE_ID_REQUIRED": "input",
                      "DATA_NOT_FOUND": "not_found", "WAREHOUSE_ID_NOT_FOUND": "not_found",
                      "ORDER_IN_WRONG_STATE": "conflict", "RETURN_IN_WRONG_STATE": "conflict",
                      "OUT_OF_STOCK": "conflict", "ORDER_FULFILLED_BY_PARTNER": "conflict",
                      "PAYMENT_REQUIRED": "conflict", "ACTION_NOT_SUPPORTED": "unsupported",
                      "CARRIER_NOT_SUPPORTED": "unsupported",
                      "SYNCHRONIZATION_DEACTIVATED": "unsupported", "UNAVAILABLE": "unavailable",
                      "UNEXPECTED": "unavailable", "TOO_MANY_REQUEST": "throttled"
                    }
                  }
                }
                """#))
    }
}

extension SourceAPI {
    /// A built-in description.
    fileprivate static func described(_ text: String) -> SourceAPI {
        do throws(DescriptionFailure) {
            return try APIDescription(Array(text.utf8)).api
        } catch {
            preconditionFailure("\(error)")
        }
    }
}
