// Tries the store, the connections and the tokens without an action call: settings come in, results
// go out.

import Dispatch
import Glibc
import Locking
import StateStores
import StatusCore
import UpstreamCurl

struct ConnectionCheck: Sendable {
    enum Kind: String, Sendable {
        case store, connection, token
    }

    var kind: Kind
    /// Nil for the store.
    var source: Source?
    /// The store, or the URL.
    var target: String
    /// The cause of a failure, or a remark.
    var detail: String?
    /// What an operator can do; nil on success.
    var advice: String?

    var isGood: Bool { advice == nil }

    var line: String {
        let subject = (source.map { "\($0) " } ?? "") + "\(kind.rawValue) \(target)"
        return (isGood ? "ok: " : "FAILED: ") + subject + (detail.map { ", \($0)" } ?? "")
            + (advice.map { "; \($0)" } ?? "")
    }

    func write(to json: inout JSONWriter) {
        json.member("kind", kind.rawValue)
        json.member("source", source?.name)
        json.member("target", target)
        json.member("ok", isGood)
        json.member("detail", detail)
        json.member("advice", advice)
    }

    // MARK: Trying

    /// Runs all checks at once; takes as long as the slowest.
    static func all(of settings: Settings) throws(CurlSetupFailure) -> [ConnectionCheck] {
        // TLS writes to a socket that the peer may have closed.
        signal(SIGPIPE, SIG_IGN)
        // First, since it changes the environment, which libpq reads.
        let multi = try CurlMulti()
        let attempts = settings.configured.flatMap { source in
            settings.sources[source].map { Self.attempts(source, $0, multi) } ?? []
        }
        let ended = Guarded([Int: ConnectionCheck]())
        let group = DispatchGroup()
        for (index, attempt) in attempts.enumerated() {
            group.enter()
            attempt { check in
                ended.withLock { $0[index] = check }
                group.leave()
            }
        }
        let store = store(settings)
        group.wait()
        return [store] + ended.withLock { ended in attempts.indices.compactMap { ended[$0] } }
    }

    private static func store(_ settings: Settings) -> ConnectionCheck {
        var check = ConnectionCheck(kind: .store, target: settings.store.text)
        do throws(StoreFailure) {
            switch settings.store {
            case .sqlite(let path): check.take(try .sqlite(path: path))
            case .postgres(let url): check.take(try .postgres(url))
            case .memory: break
            }
        } catch {
            check.detail = error.forOperators
            check.advice = "check \(settings.storeSetting)"
        }
        return check
    }

    private mutating func take(_ inspection: StoreInspection) {
        if inspection == .absent { detail = "the first start creates it" }
    }

    // MARK: Sources

    private typealias Attempt = (@escaping @Sendable (ConnectionCheck) -> Void) -> Void

    private static func attempts(
        _ source: Source, _ settings: SourceSettings, _ multi: CurlMulti
    ) -> [Attempt] {
        let endpoint = settings.endpoint
        let client = CurlUpstreamClient(multi: multi, endpoint: endpoint) { SystemClock.now() }
        let connection = ConnectionCheck(
            kind: .connection, source: source, target: endpoint.baseURL.text)
        let attempt: Attempt = { end in
            client.connect { failure in end(connection.ended(by: failure)) }
        }
        guard case .clientCredentials(let credentials) = endpoint.credentials else {
            return [attempt]
        }
        let token = ConnectionCheck(
            kind: .token, source: source, target: credentials.tokenURL.text)
        let secret = settings.secretFile?.setting ?? source.variable(.clientSecret)
        return [
            attempt,
            { end in
                client.prepare { failure in end(token.ended(by: failure?.fault, secret: secret)) }
            },
        ]
    }

    private func ended(by failure: TransportFailure?) -> ConnectionCheck {
        var check = self
        guard let failure, let source else { return check }
        check.detail = failure.detail
        let url = source.variable(.url)
        check.advice =
            switch failure.kind {
            case .tlsFailed:
                "if a private authority issued its certificate, set UPSTREAM_CA_FILE"
            case .timedOut:
                "check \(url) and the firewalls on the way, or raise \(source.variable(.timeout))"
            default: "check \(url), the name service and the firewalls on the way"
            }
        return check
    }

    private func ended(by fault: UpstreamFault?, secret: String) -> ConnectionCheck {
        var check = self
        guard let fault, let source else { return check }
        let code = [fault.httpStatus.map { "HTTP \($0)" }, fault.code].compactMap(\.self)
        check.detail =
            (fault.message ?? fault.kind.rawValue)
            + (code.isEmpty ? "" : " (\(code.joined(separator: ", ")))")
        check.advice =
            fault.kind == .tokenRefused
            ? "check \(source.variable(.clientID)) and \(secret)"
            : "check \(source.variable(.tokenURL))"
        return check
    }
}
