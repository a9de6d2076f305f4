// One request as the transport performs it: destination, fields, deadline.

internal import Locking
internal import StatusCore

/// A GET, or a POST of a form.
struct CurlRequest: Sendable {
    var url: String
    /// The base of `url`, by which transfers are counted.
    var destination: String
    /// The only scheme that may be used.
    var scheme: UpstreamURL.Scheme
    /// Whether it goes to this machine, and so through no proxy.
    var isLoopback: Bool
    /// Besides `Accept`, `Accept-Encoding` and `User-Agent`. Their values may be secret.
    var fields: [UpstreamReply.Field]
    /// A form's bytes; nil: GET.
    var form: [UInt8]?
    /// Sent at once as HTTP Basic (RFC 7617).
    var basic: BasicCredentials?
    var userAgent: String
    /// For the whole call, from the moment the transfer is started.
    var timeout: Duration
    /// Nothing is sent at or after this time.
    var sendBefore: Instant
    /// Nothing is sent before this time. Shared, since a 429 of another transfer can postpone it.
    var leftAloneUntil = Guarded(Instant.distantPast)
    /// How often the request may be passed to the network. Only a test uses more than one.
    var sendsMax = 1
    var trust: TrustAnchors
    var limits = ResponseLimits()
    /// False: a new connection, which is closed after the answer.
    var sharesConnections = true

    struct BasicCredentials: Sendable {
        var user: String
        var password: String
    }
}

/// The trusted certificates.
struct TrustAnchors: Sendable {
    /// Trusted besides the system's.
    var extraFile: String?
    /// Nil: libcurl's default. Only a test sets it.
    var systemDirectory: String?
}
