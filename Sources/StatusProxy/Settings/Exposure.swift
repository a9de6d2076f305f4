// What the settings expose to others: settings and environment come in, warnings for the operator go out.

import StatusCore
import UpstreamCurl

enum Exposure {
    /// A line for each.
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
        if settings.callers == nil, wildcards.contains(settings.listenHost) {
            warnings.append(
                "\(SettingName.listenHost.rawValue): \(settings.listenHost) is every address of this"
                    + " machine and there is no CALLER_KEYS_FILE, so everybody who reaches it may ask"
            )
        }
        return warnings
    }

    /// The environment variables that name libcurl's proxy for `http:`, the first one first.
    /// `HTTP_PROXY` is none of them: in a CGI it would be a field of the request (libcurl, "Environment
    /// variables").
    private static let proxyVariables = ["http_proxy", "all_proxy", "ALL_PROXY"]

    private static let wildcards: Set = ["0.0.0.0", "0", "::", "[::]"]

    /// Where credentials go, by the names of the settings.
    private static func urls(_ settings: Settings) -> [(name: String, url: UpstreamURL)] {
        settings.configured.flatMap { source -> [(name: String, url: UpstreamURL)] in
            guard let endpoint = settings.upstreams[source]?.endpoint else { return [] }
            let prefix = source.rawValue.uppercased()
            let base = ("\(prefix)_URL", endpoint.baseURL)
            guard case .clientCredentials(let client) = endpoint.credentials else { return [base] }
            return [base, ("\(prefix)_TOKEN_URL", client.tokenURL)]
        }
    }
}
