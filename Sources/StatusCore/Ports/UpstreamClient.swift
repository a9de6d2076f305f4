// The port to the upstreams: one call out, its raw reply back.

/// Speaks to one upstream. Knows its URL and credentials, not what its answers mean.
public protocol UpstreamClient: Sendable {
    /// Makes sure that a credential is at hand, fetching a token when needed (one fetch at a time).
    ///
    /// `reply` is called exactly once, from inside this call when there is nothing to wait for; nil
    /// means ready.
    func prepare(reply: @escaping @Sendable (CredentialFailure?) -> Void)

    /// Sends one request for one action, once: no redirects, no retries, no silent re-send.
    ///
    /// Nothing is sent at or after `sendBefore`, and the whole call ends within the upstream's
    /// deadline. `trace` goes along as the field `traceparent`. `reply` is called exactly once.
    func call(
        _ id: ActionID, sendBefore: Instant, trace: String?,
        reply: @escaping @Sendable (UpstreamCallReport) -> Void)

    /// Forgets the token with which the upstream answered 401.
    func refuseCredential()

    /// Sends nothing to the upstream before that moment, which is only ever put off (invariant 8).
    ///
    /// What is already sent goes on. A call whose request is not sent yet, because its name is
    /// looked up or its connection is being made, ends as one that came too late (`slotExpired`,
    /// nothing sent), and so does a call that is made before the moment. Tokens are still fetched:
    /// they come from elsewhere. After a 429 a client keeps away by itself for a second, in which this
    /// is to be said.
    func leaveAlone(until: Instant)
}

/// Why there is no credential to call with.
public struct CredentialFailure: Sendable, Equatable {
    public var fault: UpstreamFault
    /// Asking before that fetches none.
    public var retryIn: Duration

    public init(fault: UpstreamFault, retryIn: Duration = .zero) {
        self.fault = fault
        self.retryIn = retryIn
    }
}

/// How one call went, as the transport saw it.
public struct UpstreamCallReport: Sendable {
    public var result: Result<UpstreamReply, TransportFailure>
    /// When the request was handed to the network; nil when nothing was sent.
    public var sentAt: Instant?
    public var endedAt: Instant
    /// No later than the upstream's answer came: a process that was stopped in mid-call finds an
    /// answer waiting, and only knows when it last looked for one in vain. No earlier than `sentAt`.
    public var answeredAt: Instant
    /// To be kept until a large body has been read: so few of them are in memory at a time.
    public var turn: (any Sendable)?

    public init(
        result: Result<UpstreamReply, TransportFailure>, sentAt: Instant?, endedAt: Instant,
        answeredAt: Instant? = nil, turn: (any Sendable)? = nil
    ) {
        self.result = result
        self.turn = turn
        self.sentAt = sentAt
        self.endedAt = endedAt
        self.answeredAt = answeredAt ?? endedAt
    }
}

/// An upstream's HTTP answer, as it came.
public struct UpstreamReply: Sendable, Equatable {
    public var status: Int
    /// Names in lower case, in the order of the wire.
    public var fields: [Field]
    public var body: [UInt8]

    public struct Field: Sendable, Equatable {
        public var name: String
        public var value: String

        public init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    public init(status: Int, fields: [Field], body: [UInt8]) {
        self.status = status
        self.fields = fields
        self.body = body
    }

    /// The first field of that name (lower case).
    public func value(of name: String) -> String? {
        fields.first { $0.name == name }?.value
    }

    /// All fields of that name, in the order of the wire.
    func values(of name: String) -> [String] {
        fields.filter { $0.name == name }.map(\.value)
    }

    /// How long the fields `Retry-After` ask to wait, clamped to 1 s … 1 h; nil when they tell nothing.
    /// A date is held against the answer's own, so that two clocks need not agree.
    public var retryAfter: Duration? {
        let date = value(of: "date").flatMap { HTTPDate.parse($0, now: Self.farAhead) }
        return RateHintReader.retryAfter(in: self, now: date ?? Self.farAhead)
    }

    /// No date is ahead of it.
    private static let farAhead = WallTime(milliseconds: 253_402_300_799_000)
}

/// A call that brought no whole answer.
public struct TransportFailure: Error, Sendable, Equatable {
    /// One of `connectFailed`, `tlsFailed`, `connectionLost`, `timedOut`, `tooLarge`, `slotExpired`,
    /// `outOfResources`, `tokenUnavailable`, `malformed`.
    public var kind: UpstreamFault.Kind
    /// For operators: cause, libcurl's code, errno. Free of secrets.
    public var detail: String
    /// Nothing was sent, since the upstream is to be left alone for that long: told by whoever has
    /// said so, or by a 429 that is still coming.
    public var leftAloneFor: Duration?

    public init(kind: UpstreamFault.Kind, detail: String, leftAloneFor: Duration? = nil) {
        self.kind = kind
        self.detail = detail
        self.leftAloneFor = leftAloneFor
    }
}
