// The port to the upstreams: one call goes out, its raw reply comes back.

/// Calls one upstream. Knows its URL and credentials, but not the meaning of its answers.
public protocol UpstreamClient: Sendable {
    /// Ensures that there is a credential, and fetches a token if needed (one fetch at a time).
    ///
    /// `reply` is called exactly once, inside this call if nothing has to be waited for; nil means
    /// ready.
    func prepare(reply: @escaping @Sendable (CredentialFailure?) -> Void)

    /// Whether a credential is available, so that ``prepare(reply:)`` would reply nil at once. Waits for
    /// nothing; one that runs out soon is renewed meanwhile.
    func isPrepared() -> Bool

    /// Sends one request for one action, once: no redirects, no retries, no silent re-send.
    ///
    /// Nothing is sent at or after `sendBefore`, and the whole call ends within the upstream's
    /// deadline. `trace` is sent as the field `traceparent`. `reply` is called exactly once.
    func call(
        _ id: ActionID, sendBefore: Instant, trace: String?,
        reply: @escaping @Sendable (UpstreamCallReport) -> Void)

    /// Drops the token that got a 401.
    func refuseCredential()

    /// Sends nothing to the upstream before that time, which only moves forward.
    ///
    /// Calls that are already sent continue. A call that is not sent yet, during the name look-up
    /// or while it connects, ends with `slotExpired` (nothing sent), and so does a call that is
    /// made before that time. Tokens are still fetched, from another endpoint. After a 429 a client
    /// pauses by itself for a second, in which this has to be called.
    func leaveAlone(until: Instant)
}

/// Why there is no credential to call with.
public struct CredentialFailure: Sendable, Equatable {
    public var fault: UpstreamFault
    /// The time until another fetch is possible.
    public var retryIn: Duration

    public init(fault: UpstreamFault, retryIn: Duration = .zero) {
        self.fault = fault
        self.retryIn = retryIn
    }
}

/// The transport's report of one call.
public struct UpstreamCallReport: Sendable {
    public var result: Result<UpstreamReply, TransportFailure>
    /// When the request was passed to the network; nil if nothing was sent.
    public var sentAt: Instant?
    public var endedAt: Instant
    /// No later than the arrival of the answer: a process that was stopped during the call knows
    /// only the last time at which no answer had arrived. No earlier than `sentAt`.
    public var answeredAt: Instant
    /// Must be retained until a large body has been read, so that few are in memory at a time.
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

/// An upstream's raw HTTP answer.
public struct UpstreamReply: Sendable, Equatable {
    public var status: Int
    /// In the received order, names in lower case.
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

    /// All fields of that name, in the received order.
    func values(of name: String) -> [String] {
        fields.filter { $0.name == name }.map(\.value)
    }

    /// The wait of the fields `Retry-After`, clamped to 1 s … 1 h; nil if there is none. A date is
    /// compared with the answer's own, so that clocks need not agree.
    public var retryAfter: Duration? {
        let date = value(of: "date").flatMap { HTTPDate.parse($0, now: Self.farAhead) }
        return RateHintReader.retryAfter(in: self, now: date ?? Self.farAhead)
    }

    /// Later than any date.
    private static let farAhead = WallTime(milliseconds: 253_402_300_799_000)
}

/// A call without a complete answer.
public struct TransportFailure: Error, Sendable, Equatable {
    /// One of `connectFailed`, `tlsFailed`, `connectionLost`, `timedOut`, `tooLarge`, `slotExpired`,
    /// `outOfResources`, `tokenUnavailable`, `malformed`.
    public var kind: UpstreamFault.Kind
    /// For operators: cause, libcurl's code, errno. Contains no secrets.
    public var detail: String
    /// Nothing was sent, since the upstream is paused for that long, by `leaveAlone` or by a 429
    /// that is still arriving.
    public var leftAloneFor: Duration?

    public init(kind: UpstreamFault.Kind, detail: String, leftAloneFor: Duration? = nil) {
        self.kind = kind
        self.detail = detail
        self.leftAloneFor = leftAloneFor
    }
}
