// Bodies of the orders upstream, exactly as they are sent.

import HTTPWire
import StatusCore

enum OrdersBody {
    /// An action. `errors` is the JSON of the list; nil omits the member, as the upstream may.
    static func action(
        _ id: String, _ status: String, errors: String? = nil,
        created: String = Moment.steadyCreated, updated: String = Moment.steadyUpdated
    ) -> String {
        let errors = errors.map { #","errors":\#($0)"# } ?? ""
        return #"{"id":"\#(id)","status":"\#(status)","created_at":"\#(created)","#
            + #""updated_at":"\#(updated)"\#(errors)}"#
    }

    static func error(_ code: String, _ message: String) -> String {
        #"{"code":"\#(code)","message":"\#(message)"}"#
    }

    /// The documented 404.
    static func notFound(_ id: String) -> Response {
        var json = JSONWriter()
        json.beginObject()
        json.member("code", "DATA_NOT_FOUND")
        json.member("message", "Action with id '\(id)' not found")
        json.name("errors")
        json.beginArray()
        json.endArray()
        json.endObject()
        return .json(404, json.bytes)
    }

    /// PENDING, then SUCCESS.
    static func moving(_ moment: Moment) -> String {
        let isPending = moment.isPending
        return action(
            moment.id, isPending ? "PENDING" : "SUCCESS", created: moment.createdText,
            updated: isPending ? moment.createdText : moment.doneText)
    }
}
