// The scenes of the orders upstream, by id, and their bodies.

import HTTPWire
import StatusCore

extension Scene {
    /// The known actions of orders.
    static let ordersActions: [Scene] = [
        Scene(
            source: .orders, id: "1ba5fc4b-c4fd-4251-880b-3052e301bbd4",
            summary: "PENDING from its first look-up on, SUCCESS after --pending"
        ) { .answer(.json(200, OrdersBody.moving($0))) },
        order(200, "SUCCESS") { OrdersBody.action($0.id, "SUCCESS") },
        order(1200, "FAILED with two codes") {
            OrdersBody.action(
                $0.id, "FAILED",
                errors: "["
                    + OrdersBody.error("OUT_OF_STOCK", "Offer 4711 is out of stock") + ","
                    + OrdersBody.error("ORDER_IN_WRONG_STATE", "Order is not WAITING_ACCEPTANCE")
                    + "]")
        },
        order(2200, "always PENDING") {
            OrdersBody.action(
                $0.id, "PENDING", created: $0.createdText, updated: $0.createdText)
        },
        order(3200, "PENDING with an error beside it") {
            OrdersBody.action(
                $0.id, "PENDING",
                errors: "[\(OrdersBody.error("TOO_MANY_REQUEST", "Marketplace asks to wait"))]",
                created: $0.createdText, updated: $0.createdText)
        },
        order(4200, "an unknown status") { OrdersBody.action($0.id, "ON_HOLD") },
        order(5200, "FAILED with an unknown error code") {
            OrdersBody.action(
                $0.id, "FAILED",
                errors: "[\(OrdersBody.error("WAREHOUSE_ON_FIRE", "Nothing left to ship"))]")
        },
        order(6200, "SUCCESS with errors null, dates without fraction, unknown members") {
            #"{"trace":{"shard":9007199254740993},"errors":null,"status":"SUCCESS","#
                + #""updated_at":"2021-07-06T09:24:36.32Z","#
                + #""created_at":"2021-07-06T09:24:36Z","id":"\#($0.id)"}"#
        },
        order(7200, "FAILED without errors") { OrdersBody.action($0.id, "FAILED", errors: "[]") },
    ]

    private static func order(
        _ number: Int, _ summary: String, _ body: @escaping @Sendable (Moment) -> String
    ) -> Scene {
        Scene(source: .orders, id: SceneID.orders(number), summary: summary) {
            .answer(.json(200, body($0)))
        }
    }
}

/// Bodies of the orders upstream, exactly as they are sent.
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
