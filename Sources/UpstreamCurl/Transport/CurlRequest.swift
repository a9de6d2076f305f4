// One request as the transport carries it out: where to, with which fields, until when.

internal import Locking
internal import StatusCore

/// A GET, or a POST of a form.
struct CurlRequest: Sendable {
    var url: String
    /// The base of `url`: what transfers are counted by.
    var destination: String
    /// The only scheme that may be spoken.
    var scheme: UpstreamURL.Scheme
    /// Goes to this machine, and so through no proxy.
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
    /// Nothing is sent at or after this.
    var sendBefore: Instant
    /// Nothing is sent before this either. Shared, for it may be put off while the transfer runs, by
    /// whoever hears of a 429 first.
    var leftAloneUntil = Guarded(Instant.distantPast)
    /// How often the request may be handed to the network. Only a test asks for more than one.
    var sendsMax = 1
    var trust: TrustAnchors
    var limits = ResponseLimits()
    /// False: a connection of its own, closed after the answer.
    var sharesConnections = true

    struct BasicCredentials: Sendable {
        var user: String
        var password: String
    }
}

/// Whose certificates are believed.
struct TrustAnchors: Sendable {
    /// Trusted besides the system's.
    var extraFile: String?
    /// Nil: the one that libcurl was built with. Only a test sets it.
    var systemDirectory: String?
}
