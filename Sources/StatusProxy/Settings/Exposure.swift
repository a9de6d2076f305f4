// Settings that expose data or quotas: settings and environment come in, warnings for the operator
// go out.

import SocketServer
import StateStores
import StatusCore
import UpstreamCurl

enum Exposure {
    /// The warnings, a line for each.
    static func warnings(_ settings: Settings, _ environment: [String: String]) -> [String] {
        let proxy = proxyVariables.first { !(environment[$0] ?? "").isEmpty }
        var warnings: [String] = []
        for (name, url) in urls(settings) where url.scheme == .http && !url.isLoopback {
            warnings.append(
                "\(name): it begins with http:, so credentials and results cross the network in clear"
                    + " text; give an https: URL")
            guard let proxy else { continue }
            warnings.append(
                "\(proxy): the proxy that it names can read the credentials and results of \(name),"
                    + " unless NO_PROXY names \(url.host)")
        }
        warnings += shared(settings)
        if case .postgres(let url) = settings.store, url.mayBeClearText {
            warnings.append(
                "\(SettingName.storeURL.rawValue): password and results cross the network in clear text"
                    + " if the server does not offer TLS; add sslmode=verify-full or sslmode=require"
            )
        }
        if settings.callers == nil, ServerConfiguration(host: settings.listenHost).isWildcard {
            warnings.append(
                "\(SettingName.listenHost.rawValue): \(settings.listenHost) is every address of this"
                    + " machine and there is no CALLER_KEYS_FILE, so everyone who reaches it may ask"
            )
        }
        return warnings
    }

    /// Sources with the same credentials for the same API share one quota, but each has its own
    /// budget.
    private static func shared(_ settings: Settings) -> [String] {
        var warnings: [String] = []
        for (index, source) in settings.configured.enumerated() {
            guard let endpoint = settings.sources[source]?.endpoint,
                endpoint.credentials != .fields([])
            else { continue }
            let twin = settings.configured[..<index].first {
                settings.sources[$0]?.endpoint.credentials == endpoint.credentials
                    && settings.sources[$0]?.endpoint.baseURL == endpoint.baseURL
            }
            guard let twin else { continue }
            warnings.append(
                "SOURCES: \(twin) and \(source) have the same credentials, so their calls use up one"
                    + " account's quota; list one of them, or give each a part of the budget")
        }
        return warnings
    }

    /// The environment variables that name libcurl's proxy for `http:`, the first one first.
    /// `HTTP_PROXY` is not among them: in a CGI it would be a field of the request (libcurl,
    /// "Environment variables").
    private static let proxyVariables = ["http_proxy", "all_proxy", "ALL_PROXY"]

    /// The URLs to which credentials are sent, by setting.
    private static func urls(_ settings: Settings) -> [(name: String, url: UpstreamURL)] {
        settings.configured.flatMap { source -> [(name: String, url: UpstreamURL)] in
            guard let endpoint = settings.sources[source]?.endpoint else { return [] }
            let base = (source.variable(.url), endpoint.baseURL)
            guard case .clientCredentials(let client) = endpoint.credentials else { return [base] }
            return [base, (source.variable(.tokenURL), client.tokenURL)]
        }
    }
}
