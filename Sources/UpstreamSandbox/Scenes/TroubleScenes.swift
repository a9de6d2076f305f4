// Failures that are the same at both upstreams, by id.

import HTTPWire
import StatusCore

extension Scene {
    /// The failures of a source.
    static func troubles(of source: API) -> [Scene] {
        bodyTroubles(source) + statusTroubles(source) + wireTroubles(source)
    }

    /// A 200 without an action.
    private static func bodyTroubles(_ source: API) -> [Scene] {
        let other = SceneID.of(source, 999_999)
        return [
            trouble(
                source, 30200, "wrong id in the body", .answer(.json(200, action(source, other)))),
            trouble(
                source, 31200, "neither id nor status in the body",
                .answer(.json(200, #"{"created_at":"\#(Moment.steadyCreated)"}"#))),
            trouble(
                source, 32200, "HTML with 200",
                .answer(.html(200, "<div id=\"app\">Please sign in</div>"))),
            trouble(
                source, 33200, "not JSON, although its type says so",
                .answer(.json(200, #"{"id":"unfinished","status":"#))),
            trouble(source, 34200, "empty body", .answer(.json(200, ""))),
            trouble(source, 35200, "an array instead of an object", .answer(.json(200, "[]"))),
            Scene(
                source: source, id: SceneID.of(source, 36200), summary: "too large: over 8 MiB"
            ) { .answer(.json(200, large(source, $0.id))) },
            Scene(
                source: source, id: SceneID.of(source, 37200), summary: "JSON 100 levels deep"
            ) { .answer(.json(200, deep(source, $0.id))) },
            Scene(
                source: source, id: SceneID.of(source, 38200),
                summary: "newborn: 404 on the first two look-ups, then found"
            ) { $0.look <= 2 ? .answer(notFound(source, $0.id)) : honest(source, $0.id) },
        ]
    }

    private static func statusTroubles(_ source: API) -> [Scene] {
        let later = Field(name: "Retry-After", value: "30")
        let date = Field(name: "Retry-After", value: "Fri, 31 Dec 2027 23:59:59 GMT")
        let limited = limited(source)
        let elsewhere = Field(name: "Location", value: "https://elsewhere.invalid/login")
        return [
            trouble(source, 302, "redirect", .answer(.html(302, "Moved", [elsewhere]))),
            trouble(source, 400, "400", .answer(plain(source, 400, "Bad request"))),
            trouble(
                source, 401, "401 in spite of valid credentials", .answer(unauthorized(source))),
            trouble(
                source, 402, "402: the plan ended", .answer(plain(source, 402, "Payment required"))),
            trouble(source, 403, "403", .answer(plain(source, 403, "Forbidden"))),
            Scene(source: source, id: SceneID.of(source, 404), summary: "404, a real one") {
                .answer(notFound(source, $0.id))
            },
            trouble(source, 1404, "404 with HTML: a gateway's", .answer(.html(404, "Not here"))),
            trouble(source, 2404, "404 with an empty body", .answer(Response(status: 404))),
            trouble(
                source, 6404, "404 with JSON: a gateway's", .answer(plain(source, 404, "Not Found"))
            ),
            trouble(source, 429, "429, Retry-After: 30", .answer(limited([later]))),
            trouble(source, 1429, "429, Retry-After: a date in 2027", .answer(limited([date]))),
            trouble(source, 2429, "429 without a body or a time", .answer(Response(status: 429))),
            trouble(source, 500, "500 with JSON", .answer(plain(source, 500, "Internal error"))),
            trouble(source, 1500, "500 with an empty body", .answer(Response(status: 500))),
            trouble(source, 2500, "500 with HTML", .answer(.html(500, "Oops"))),
            trouble(source, 502, "502 with HTML", .answer(.html(502, "Bad gateway"))),
            trouble(
                source, 503, "503, Retry-After: 30", .answer(.html(503, "Maintenance", [later]))),
            trouble(source, 504, "504 with HTML", .answer(.html(504, "Gateway time-out"))),
        ]
    }

    /// The answer never arrives, or not completely.
    private static func wireTroubles(_ source: API) -> [Scene] {
        [
            Scene(
                source: source, id: SceneID.of(source, 1000),
                summary: "slow: a normal answer after --slow"
            ) { honest(source, $0.id).delayed(by: $0.slow) },
            trouble(source, 2000, "hang: never an answer", .hang),
            trouble(source, 3000, "reset (RST) instead of an answer", .reset),
            trouble(source, 4000, "closed (FIN) without an answer", .close),
            Scene(source: source, id: SceneID.of(source, 5000), summary: "half an answer, closed") {
                Reaction(deed: .half(.json(200, action(source, $0.id))))
            },
            Scene(
                source: source, id: SceneID.of(source, 6000), summary: "half an answer, then hang"
            ) {
                Reaction(deed: .stall(.json(200, action(source, $0.id))))
            },
        ]
    }

    // MARK: Parts

    /// Vouchers only.
    static let cycleEnded = trouble(
        .vouchers, 3429, "429, the calls of the billing cycle are used up",
        .answer(VouchersBody.limited(type: "api_calls_cycle", retryAfter: nil)))

    private static func trouble(
        _ source: API, _ number: Int, _ summary: String, _ reaction: Reaction
    ) -> Scene {
        .steady(source, SceneID.of(source, number), summary, reaction)
    }

    static func honest(_ source: API, _ id: String) -> Reaction {
        .answer(.json(200, action(source, id)))
    }

    private static func action(_ source: API, _ id: String) -> String {
        switch source {
        case .orders, .conversations, .jobs: OrdersBody.action(id, "SUCCESS")
        case .vouchers:
            VouchersBody.action(
                id, "DONE", operation: "SUCCESS",
                result: #"{"message":"Done","failed":[],"done_count":3,"failed_count":0}"#)
        }
    }

    static func notFound(_ source: API, _ id: String) -> Response {
        switch source {
        case .orders, .conversations: OrdersBody.notFound(id)
        case .vouchers: VouchersBody.notFound(id)
        case .jobs: JobsBody.error(404, "not_found", "there is no job \(id)")
        }
    }

    static func unauthorized(_ source: API) -> Response {
        switch source {
        case .jobs: JobsBody.error(401, "unauthorized", "no token")
        case .orders, .conversations:
            .json(
                401, #"{"message":"Unauthorized"}"#,
                [Field(name: "WWW-Authenticate", value: "Bearer")])
        case .vouchers:
            .json(
                401,
                VouchersBody.error(
                    401, key: "unauthorized", message: "Unauthorized",
                    details: "Invalid or missing X-App-Id or X-App-Token"))
        }
    }

    /// A gateway's body at orders; at vouchers the second shape that errors have there.
    static func plain(_ source: API, _ status: Int, _ message: String) -> Response {
        switch source {
        case .jobs: JobsBody.error(status, "\(status)", message)
        case .orders, .conversations: .json(status, #"{"message":"\#(message)"}"#)
        case .vouchers:
            .json(
                status, #"{"statusCode":\#(status),"error":"\#(message)","message":"\#(message)"}"#)
        }
    }

    private static func limited(_ source: API) -> ([Field]) -> Response {
        { fields in
            var response =
                source == .orders
                ? Scene.plain(source, 429, "Too many requests")
                : VouchersBody.limited(type: "api_calls", retryAfter: nil)
            response.fields += fields
            return response
        }
    }

    /// An action with a message of 9 MiB.
    private static func large(_ source: API, _ id: String) -> String {
        let filler = String(repeating: "x", count: 9 << 20)
        return String(action(source, id).dropLast()) + #","filler":"\#(filler)"}"#
    }

    private static func deep(_ source: API, _ id: String) -> String {
        let open = String(repeating: "[", count: 99)
        let close = String(repeating: "]", count: 99)
        return String(action(source, id).dropLast()) + #","filler":\#(open)\#(close)}"#
    }
}
