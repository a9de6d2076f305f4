// The last check before a request is sent: called before every send, it allows one send, and only
// in time.

internal import StatusCore

/// Decides whether a request may be passed to the network.
///
/// If a reused connection turns out to be dead before an answer has arrived, libcurl repeats the
/// request by itself, up to five times. The effect of the first send is unknown then: the upstream
/// may have counted it. So a second send is never allowed.
struct SendGuard {
    enum Refusal: Equatable {
        /// The time to send had passed; nothing was sent.
        case tooLate
        /// The upstream has asked for a pause, perhaps during the handshake; nothing was sent.
        case leftAlone
        /// The connection was lost after the send; libcurl wanted to repeat it.
        case repeated
    }

    let sendBefore: Instant
    let sendsMax: Int
    /// When the send was allowed.
    private(set) var sentAt: Instant?
    private(set) var refusal: Refusal?
    private var sends = 0

    init(sendBefore: Instant, sendsMax: Int = 1) {
        self.sendBefore = sendBefore
        self.sendsMax = sendsMax
    }

    /// True if the request may be sent.
    mutating func ask(now: Instant, leftAloneUntil: Instant) -> Bool {
        guard refusal == nil else { return false }
        refusal = objection(now, leftAloneUntil)
        guard refusal == nil else { return false }
        sends += 1
        sentAt = sentAt ?? now
        return true
    }

    private func objection(_ now: Instant, _ leftAloneUntil: Instant) -> Refusal? {
        if sends >= sendsMax { return .repeated }
        if now >= sendBefore { return sends == 0 ? .tooLate : .repeated }
        if now < leftAloneUntil { return sends == 0 ? .leftAlone : .repeated }
        return nil
    }
}
