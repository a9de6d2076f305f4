// Renders an Action as JSON: the fields of the contract, in the contract's order.

extension Action {
    /// The state as it is stored and served. Every field is present, and null if the upstream does
    /// not report it.
    public func document() -> ActionDocument {
        var json = JSONWriter(reserving: 1024)
        json.beginObject()
        json.member("id", id.text)
        json.member("source", source.name)
        json.member("type", type)
        json.member("status", status.rawValue)
        json.member("done", isDone)
        json.member("progress", progress)
        write(counts: counts, to: &json)
        write(errors: errors, to: &json)
        json.member("result", result, sorted: true)
        json.member("created_at", createdAt)
        json.member("updated_at", updatedAt)
        json.member("processing_time_ms", processingTimeMilliseconds)
        json.member("request_id", requestID)
        write(upstream: upstream, to: &json)
        json.endObject()
        return ActionDocument(
            bytes: json.bytes, source: source, status: status, isDone: isDone,
            createdAt: createdAt.flatMap(RFC3339.parse), ending: isDone ? ActionEnding(self) : nil)
    }

    private func write(counts: Counts?, to json: inout JSONWriter) {
        json.name("counts")
        guard let counts else { return json.null() }
        json.beginObject()
        json.member("succeeded", counts.succeeded.map { .number($0.text) })
        json.member("failed", counts.failed.map { .number($0.text) })
        json.endObject()
    }

    private func write(errors: [ActionError], to json: inout JSONWriter) {
        json.name("errors")
        json.beginArray()
        for error in errors {
            json.beginObject()
            json.member("code", error.code)
            json.member("message", error.message)
            json.member("class", error.errorClass.rawValue)
            json.member("target", error.target)
            json.endObject()
        }
        json.endArray()
    }

    private func write(upstream: UpstreamStatus, to json: inout JSONWriter) {
        json.name("upstream")
        json.beginObject()
        json.member("status", upstream.status)
        json.member("operation_status", upstream.operationStatus)
        json.endObject()
    }
}
