// SOURCES and each source's settings: what is accepted, and what prevents the start.

import StatusCore
import TestSupport
import Testing
import UpstreamCurl

@testable import StatusProxy

struct SourcesTests {
    private static let description =
        #"{"path":"/v1/jobs/{id}","status":"/state","statuses":{"done":"SUCCEEDED"},"not_found":["/code"]}"#

    /// Six sources of four kinds.
    private func six(_ folder: TemporaryFolder) -> Changes {
        [
            "SOURCES": " orders,orders-de , vouchers,vouchers-de,chats,exports ",
            "ORDERS_DE_KIND": "mirakl-orders", "ORDERS_DE_CLIENT_ID": "de",
            "ORDERS_DE_CLIENT_SECRET": "hush-de", "ORDERS_DE_URL": "https://de.example.com/api",
            "VOUCHERS_DE_KIND": "voucherify", "VOUCHERS_DE_CLIENT_ID": "app",
            "VOUCHERS_DE_CLIENT_SECRET": "hush-app",
            "VOUCHERS_DE_TOKEN_FORM": "scope=async-actions+more&project_id=p%26q",
            "CHATS_KIND": "mirakl-conversations", "CHATS_TOKEN": "hush-chats",
            "EXPORTS_KIND": "json", "EXPORTS_URL": "https://jobs.internal",
            "EXPORTS_DESCRIPTION_FILE": folder.write(Self.description),
            "EXPORTS_TOKEN": "hush-jobs", "EXPORTS_TOKEN_HEADER": "X-Api-Key",
        ]
    }

    @Test func sourcesOfAllKindsAreReadInTheirOrder() throws {
        let folder = TemporaryFolder()
        let settings = try settings(six(folder))
        expectEqual(
            settings.configured.map(\.name),
            ["orders", "orders-de", "vouchers", "vouchers-de", "chats", "exports"])
        let german = try #require(settings.sources[.named("orders-de")])
        expectEqual(german.kind, "mirakl-orders")
        expectEqual(german.endpoint.baseURL.text, "https://de.example.com/api")
        expectEqual(german.endpoint.path, "/v2/orders/actions/{id}")
        expectEqual(german.policy.minInterval, .seconds(60))
        let chats = try #require(settings.sources[.named("chats")])
        expectEqual(chats.endpoint.path, "/conversations/actions/{id}")
        expectEqual(chats.endpoint.credentials, .bearer(Secret("hush-chats")))
        let exports = try #require(settings.sources[.named("exports")])
        expectEqual(exports.endpoint.path, "/v1/jobs/{id}")
        #expect(exports.policy.idPattern == nil)
        expectEqual(
            exports.endpoint.credentials,
            .fields([CredentialField(name: "X-Api-Key", Secret("hush-jobs"), part: .token)]))
    }

    @Test func tokenEndpointOfVoucherifyIsBelowItsURL() throws {
        let folder = TemporaryFolder()
        let source = try #require(try settings(six(folder)).sources[.named("vouchers-de")])
        expectEqual(
            source.endpoint.credentials,
            .clientCredentials(
                ClientCredentials(
                    tokenURL: try UpstreamURL("https://api.voucherify.io/v2/oauth/token"),
                    clientID: "app", clientSecret: Secret("hush-app"), authentication: .basic,
                    form: [.init("scope", "async-actions more"), .init("project_id", "p&q")])))
    }

    @Test func jsonSourceNeedsNoCredentialsAndMaySetAllElse() throws {
        let folder = TemporaryFolder()
        let settings = try settings([
            "SOURCES": "exports", "ORDERS_TOKEN": nil, "VOUCHERS_APP_ID": nil,
            "VOUCHERS_APP_TOKEN": nil, "EXPORTS_KIND": "json",
            "EXPORTS_URL": "https://jobs.internal/x",
            "EXPORTS_DESCRIPTION_FILE": folder.write(Self.description),
            "EXPORTS_MIN_INTERVAL": "2s", "EXPORTS_MAX_INTERVAL": "4s",
            "EXPORTS_CALLS_PER_MINUTE": "5", "EXPORTS_CALLS_PER_DAY": "6",
            "EXPORTS_TIMEOUT": "7s", "EXPORTS_ID_PATTERN": "prefix:job-",
        ])
        let exports = try #require(settings.sources[.named("exports")])
        expectEqual(exports.endpoint.credentials, .fields([]))
        expectEqual(
            exports.policy,
            SourcePolicy(
                minInterval: .seconds(2), maxInterval: .seconds(4), callDeadline: .seconds(7),
                budget: BudgetLimits(perMinute: 5, perDay: 6), idPattern: .prefix("job-")))
    }

    @Test func namesMayBeOfferedByTheSettingsFile() throws {
        let folder = TemporaryFolder()
        let path = folder.write(
            #"{"SOURCES":"orders,b","B_KIND":"voucherify","B_APP_ID":"a","B_APP_TOKEN":"hush"}"#)
        let settings = try settings([
            "CONFIG_FILE": path, "VOUCHERS_APP_ID": nil, "VOUCHERS_APP_TOKEN": nil,
        ])
        expectEqual(settings.configured.map(\.name), ["orders", "b"])
    }

    @Test func sameCredentialsTwiceAreAWarning() throws {
        let settings = try settings([
            "SOURCES": "orders,twin,vouchers", "TWIN_KIND": "mirakl-orders",
            "TWIN_TOKEN": "hush-orders",
        ])
        let warning = settings.warnings.filter { $0.contains("orders and twin") }
        #expect(warning.count == 1 && warning[0].contains("the same credentials"))
    }

    @Test func checkPrintsTheSourcesAsATableWithoutSecrets() throws {
        let folder = TemporaryFolder()
        let environment = Environments.with(six(folder))
        let lines = try CheckReport(environment: environment).lines
        let text = lines.joined(separator: "\n")
        #expect(!text.contains("hush"))
        #expect(lines.contains { $0.hasPrefix("ORDERS_DE_CLIENT_SECRET=[secret] ") })
        let rows = lines.filter { $0.hasPrefix("# ") }
        #expect(rows.first?.contains("source") == true && rows.first?.contains("kind") == true)
        for words in [
            ["orders-de", "mirakl-orders", "https://de.example.com/api", "client credentials"],
            ["exports", "json", "https://jobs.internal", "token", "1m-5m", "60/min"],
            ["vouchers", "voucherify", "60/min, 2400/day", "prefix:aa_"],
        ] {
            let row = rows.first { $0.hasPrefix("# \(words[0]) ") }
            for word in words { expectEqual(row?.contains(word), true, "\(word) in \(row ?? "")") }
        }
    }

    // MARK: Mistakes

    @Test(arguments: [
        Refused(["SOURCES": "orders,,vouchers"], "SOURCES", "''", "is not a source's name"),
        Refused(["SOURCES": "Orders"], "SOURCES", "'Orders'", "lower-case"),
        Refused(["SOURCES": "orders de"], "SOURCES", "'orders de'"),
        Refused(["SOURCES": "orders,orders"], "SOURCES", "listed twice"),
        Refused(
            ["SOURCES": "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q"], "SOURCES", "17 sources", "at most 16"),
        Refused(["SOURCES": "orders,orders-token"], "SOURCES", "'orders-token'", "ORDERS_TOKEN_"),
        Refused(["SOURCES": "orders,orders-min"], "SOURCES", "ORDERS_MIN_INTERVAL"),
        Refused(["SOURCES": "log"], "SOURCES", "'log'", "LOG_LEVEL"),
        Refused(["SOURCES": "status-proxy"], "SOURCES", "STATUS_PROXY_"),
        Refused(["SOURCES": "config"], "SOURCES", "CONFIG_FILE"),
        Refused(["SOURCES": "orders,exports"], "EXPORTS_KIND", "must be set", "voucherify"),
        Refused(["SOURCES": "orders,b", "B_KIND": "soap"], "B_KIND", "'soap'", "json"),
        Refused(
            ["SOURCES": "orders,vouchers,b", "B_KIND": "mirakl-orders"], "SOURCES", "'b'",
            "B_TOKEN or B_CLIENT_ID"),
        Refused(["SOURCES": "orders"], "VOUCHERS_APP_ID", "SOURCES does not list it"),
        Refused(
            ["SOURCES": "orders,vouchers,b", "B_KIND": "json", "B_URL": "https://b.example"],
            "B_DESCRIPTION_FILE", "must be set"),
        Refused(
            ["SOURCES": "orders,vouchers,b", "B_KIND": "json"], "B_URL", "must be set"),
        Refused(["ORDERS_APP_ID": "x"], "ORDERS_APP_ID", "kind mirakl-orders has no such setting"),
        Refused(["VOUCHERS_TOKEN": "hush"], "VOUCHERS_TOKEN", "kind voucherify has no such"),
        Refused(["ORDERS_DESCRIPTION_FILE": "x"], "ORDERS_DESCRIPTION_FILE", "no such setting"),
        Refused(["ORDERS_TOKNE": "hush"], "ORDERS_TOKNE", "is ORDERS_TOKEN meant?"),
        Refused(["ORDERS_ID_PATTERN": "guid"], "ORDERS_ID_PATTERN", "'guid'", "prefix:aa_"),
        Refused(["ORDERS_TOKEN_AUTH": "digest"], "ORDERS_TOKEN_AUTH", "post, basic"),
        Refused(["ORDERS_TOKEN_FORM": "scope"], "ORDERS_TOKEN_FORM", "'scope'", "scope=jobs"),
        Refused(
            ["ORDERS_TOKEN_FORM": "client_id=x"], "ORDERS_TOKEN_FORM", "'client_id=x'"),
        Refused(
            ["VOUCHERS_CLIENT_ID": "x", "VOUCHERS_CLIENT_SECRET": "hush"],
            "VOUCHERS_CLIENT_SECRET", "one kind of credentials"),
    ])
    func mistakeIsOneLineThatNamesIt(refused: Refused) throws {
        let failure = try refusal(refused.changes)
        expectEqual(failure.name, refused.name, "\(failure)")
        for word in refused.words { #expect(failure.problem.contains(word), "\(failure)") }
    }

    @Test(arguments: [
        ("{}", "path: it must be given"), ("[]", "not a JSON object"),
        (#"{"path":"/{id}","status":"/s","statuses":{"a":"OVER"}}"#, "statuses.a: "),
    ])
    func mistakeInADescriptionNamesFileAndMember(text: String, words: String) throws {
        let folder = TemporaryFolder()
        let path = folder.write(text)
        let failure = try refusal([
            "SOURCES": "orders,vouchers,b", "B_KIND": "json", "B_URL": "https://b.example",
            "B_DESCRIPTION_FILE": path,
        ])
        expectEqual(failure.name, "B_DESCRIPTION_FILE")
        #expect(failure.problem.contains(path) && failure.problem.contains(words), "\(failure)")
    }

    @Test(arguments: ["Host", "content-length", "a b", "X:Y"])
    func fieldThatCannotCarryATokenIsRefused(name: String) throws {
        let folder = TemporaryFolder()
        let changes: Changes = [
            "SOURCES": "orders,vouchers,b", "B_KIND": "json", "B_URL": "https://b.example",
            "B_DESCRIPTION_FILE": folder.write(Self.description), "B_TOKEN": "hush",
            "B_TOKEN_HEADER": name,
        ]
        try expectEqual(refusal(changes).name, "B_TOKEN_HEADER")
    }

    /// Kubernetes injects these for Services named like a source.
    @Test func serviceLinksOfAnySourceAreNoSettings() throws {
        let folder = TemporaryFolder()
        var changes = six(folder)
        changes["EXPORTS_SERVICE_HOST"] = "10.0.0.1"
        changes["ORDERS_DE_PORT"] = "tcp://10.0.0.1:80"
        changes["ORDERS_DE_PORT_80_TCP_ADDR"] = "10.0.0.1"
        #expect(throws: Never.self) { try settings(changes) }
    }
}
