// A base or token URL: text from the settings comes in, an absolute http or https URL without
// credentials, query and fragment goes out.

internal import CCurl

/// An absolute URL that requests can be built on.
public struct UpstreamURL: Sendable, Equatable, CustomStringConvertible {
    public static let bytesMax = 2048

    public enum Scheme: String, Sendable {
        case http
        case https
    }

    public let scheme: Scheme
    /// As libcurl normalises it: `127.1` is `127.0.0.1`, IPv6 is in brackets.
    public let host: String
    /// The whole URL without a trailing slash.
    public let text: String

    public var description: String { text }

    /// Reads a URL with libcurl's own parser, so that the checked URL is the one that is called.
    public init(_ text: String) throws(UpstreamURLFailure) {
        guard !text.isEmpty else { throw .empty }
        guard text.utf8.count <= Self.bytesMax else { throw .tooLong }
        guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else { throw .unprintable }
        guard let parts = URLParts() else { throw .malformed("out of memory") }
        try parts.parse(text)
        guard let scheme = Scheme(rawValue: try parts.text(of: CURLUPART_SCHEME) ?? "") else {
            throw .schemeNotHTTP
        }
        guard let host = try parts.text(of: CURLUPART_HOST), !host.isEmpty else { throw .noHost }
        guard
            try parts.text(of: CURLUPART_USER) == nil, try parts.text(of: CURLUPART_PASSWORD) == nil
        else { throw .holdsCredentials }
        guard try parts.text(of: CURLUPART_QUERY) == nil, !text.contains("?") else {
            throw .holdsQuery
        }
        guard try parts.text(of: CURLUPART_FRAGMENT) == nil, !text.contains("#") else {
            throw .holdsFragment
        }
        guard var whole = try parts.text(of: CURLUPART_URL) else { throw .noHost }
        while whole.hasSuffix("/") { whole.removeLast() }
        self.scheme = scheme
        self.host = host
        self.text = whole
    }

    /// True when the host is this machine, by name or address.
    public var isLoopback: Bool {
        host.lowercased() == "localhost" || host == "[::1]" || isIPv4Loopback
    }

    private var isIPv4Loopback: Bool {
        let numbers = host.split(separator: ".", omittingEmptySubsequences: false)
        return numbers.count == 4 && numbers[0] == "127"
            && numbers.allSatisfy { UInt8($0) != nil }
    }

    /// The text from the first slash after the host; empty without one.
    var path: Substring { text.dropFirst("\(scheme.rawValue)://".count).drop { $0 != "/" } }

    /// The URL of a path below this one. `path` must consist of characters that a path may have.
    func appending(_ path: String) -> String { text + path }
}

/// Why a text is not a URL that can be called. The description never quotes the text, which may
/// contain a password.
public enum UpstreamURLFailure: Error, Sendable, Equatable, CustomStringConvertible {
    case empty
    case tooLong
    case unprintable
    case schemeNotHTTP
    case noHost
    case holdsCredentials
    case holdsQuery
    case holdsFragment
    /// With libcurl's message.
    case malformed(String)

    public var description: String {
        switch self {
        case .empty: "the URL is empty"
        case .tooLong: "the URL is longer than \(UpstreamURL.bytesMax) bytes"
        case .unprintable: "the URL contains a space, a control or a non-ASCII character"
        case .schemeNotHTTP: "the URL must start with https:// or http://"
        case .noHost: "the URL has no host"
        case .holdsCredentials: "the URL must not contain a user name or a password"
        case .holdsQuery: "the URL must not contain a query"
        case .holdsFragment: "the URL must not contain a fragment"
        case .malformed(let reason): "the URL cannot be read: \(reason)"
        }
    }
}

/// libcurl's parsed URL; closes itself.
private struct URLParts: ~Copyable {
    private let handle: OpaquePointer

    init?() {
        guard let handle = curl_url() else { return nil }
        self.handle = handle
    }

    deinit { curl_url_cleanup(handle) }

    func parse(_ text: String) throws(UpstreamURLFailure) {
        let code = curl_url_set(handle, CURLUPART_URL, text, 0)
        guard code == CURLUE_OK else { throw Self.failure(code) }
    }

    /// Nil when the URL has no such part.
    func text(of part: CURLUPart) throws(UpstreamURLFailure) -> String? {
        var text: UnsafeMutablePointer<CChar>?
        let code = curl_url_get(handle, part, &text, 0)
        // The caller owns the text, and frees it with curl_free.
        defer { curl_free(text) }
        switch code {
        case CURLUE_OK: return text.map { String(cString: $0) }
        case CURLUE_NO_USER, CURLUE_NO_PASSWORD, CURLUE_NO_QUERY, CURLUE_NO_FRAGMENT,
            CURLUE_NO_HOST, CURLUE_NO_SCHEME:
            return nil
        default: throw Self.failure(code)
        }
    }

    private static func failure(_ code: CURLUcode) -> UpstreamURLFailure {
        switch code {
        case CURLUE_BAD_SCHEME, CURLUE_UNSUPPORTED_SCHEME, CURLUE_NO_SCHEME: .schemeNotHTTP
        case CURLUE_NO_HOST: .noHost
        default: .malformed(String(cString: curl_url_strerror(code)))
        }
    }
}
