// The last look before bytes leave: asked before every send, it says yes once, and only in time.

internal import StatusCore

/// Decides whether a request may be handed to the network.
///
/// libcurl sends a request again, unasked and up to five times, when a reused connection turns out
/// to be dead before an answer came. What the first send brought about is not known then: the
/// upstream may have counted it. So the second question is always answered with no.
struct SendGuard {
    enum Refusal: Equatable {
        /// The slot was too old; nothing was sent.
        case tooLate
        /// The upstream has asked for no calls, perhaps during the handshake; nothing was sent.
        case leftAlone
        /// The connection was lost after the send; libcurl wanted to repeat it.
        case repeated
    }

    let sendBefore: Instant
    let sendsMax: Int
    /// When the first yes was said.
    private(set) var sentAt: Instant?
    private(set) var refusal: Refusal?
    private var sends = 0

    init(sendBefore: Instant, sendsMax: Int = 1) {
        self.sendBefore = sendBefore
        self.sendsMax = sendsMax
    }

    /// True: send.
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
