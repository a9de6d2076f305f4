// All scenes, and the scene of each id.

import HTTPWire
import StatusCore

enum Stage {
    /// Every documented id, in the order of the documentation.
    static let scenes: [Scene] =
        Scene.ordersActions + Scene.troubles(of: .orders) + Scene.vouchersActions
        + Scene.troubles(of: .vouchers) + [Scene.cycleEnded] + strays

    private static let byID: [API: [String: Scene]] = .init(
        uniqueKeysWithValues: API.allCases.map { source in
            let known = scenes.filter { $0.source == source }
            return (source, Dictionary(uniqueKeysWithValues: known.map { ($0.id, $0) }))
        })

    /// The scene of an id; nil if the upstream does not know it. Further accounts have families
    /// only.
    static func scene(_ source: API, _ id: String, account: Int = 0) -> Scene? {
        (account == 0 ? byID[source]?[id] : nil) ?? SceneFamily.scene(source, id, account: account)
    }

    /// Ids that both upstreams are asked for: of no known shape, or known to the other upstream.
    private static let strays: [Scene] = [
        stray(.orders, "order.plain-1", "an order of no known shape, SUCCESS"),
        stray(.vouchers, "voucher.plain-1", "a voucher action of no known shape, DONE"),
        stray(.orders, "known-to-both", "known to both upstreams"),
        stray(.vouchers, "known-to-both", "known to both upstreams"),
        stray(.orders, SceneID.orders(39200), "a UUID known to both upstreams"),
        stray(.vouchers, SceneID.orders(39200), "a UUID known to both upstreams"),
        stray(.vouchers, SceneID.orders(3404), "a UUID that only vouchers knows"),
        stray(.orders, SceneID.vouchers(4404), "an aa_ id that only orders knows"),
        broken(.vouchers, "missing-and-broken", "orders: 404, vouchers: 500"),
        broken(.orders, "broken-and-missing", "orders: 500, vouchers: 404"),
        broken(.vouchers, SceneID.orders(5404), "a UUID: orders 404, vouchers 500"),
        .steady(.orders, "hang-and-known", "orders: hang, vouchers: known", .hang),
        stray(.vouchers, "hang-and-known", "orders: hang, vouchers: known"),
    ]

    private static func stray(_ source: API, _ id: String, _ summary: String) -> Scene {
        .steady(source, id, summary, Scene.honest(source, id))
    }

    private static func broken(_ source: API, _ id: String, _ summary: String) -> Scene {
        .steady(source, id, summary, .answer(Scene.plain(source, 500, "Internal error")))
    }
}
