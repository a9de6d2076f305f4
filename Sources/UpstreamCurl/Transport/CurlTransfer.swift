// One running request: its handle, its send guard and the answer so far.

internal import CCurl
internal import Glibc
internal import Locking
internal import StatusCore

/// A transfer, from its settings to its report.
///
/// Touched only on the queue of the ``CurlDriver`` that runs it. libcurl holds unretained pointers
/// to it and to `note`; they stay valid because the driver retains the transfer until its handle is
/// removed from the multi handle, and the transfer owns the handle.
final class CurlTransfer {
    let handle: EasyHandle
    let request: CurlRequest
    private let clock: @Sendable () -> Instant
    private let reply: @Sendable (UpstreamCallReport) -> Void
    private var sendGuard: SendGuard
    private var response: ResponseCollector
    private let turns: BodyTurns
    private var turn: BodyTurns.Turn?
    var fields = FieldList()
    let note: UnsafeMutablePointer<CChar>
    /// The last time at which no answer had arrived.
    private var lookedAt: Instant
    /// The errno with which the kernel refused the last socket; nil on success.
    private var socketError: Int32?

    init(
        handle: consuming EasyHandle, request: CurlRequest, turns: BodyTurns,
        clock: @escaping @Sendable () -> Instant,
        reply: @escaping @Sendable (UpstreamCallReport) -> Void
    ) {
        self.handle = handle
        self.request = request
        self.turns = turns
        self.clock = clock
        self.reply = reply
        sendGuard = SendGuard(sendBefore: request.sendBefore, sendsMax: request.sendsMax)
        response = ResponseCollector(limits: request.limits)
        lookedAt = clock()
        note = .allocate(capacity: Int(STATUS_PROXY_ERROR_BYTES))
        note.initialize(repeating: 0, count: Int(STATUS_PROXY_ERROR_BYTES))
    }

    /// The handle is cleaned up after this body, and must not use `note` then.
    deinit {
        _ = door_easy_set_pointer(handle.pointer, CURLOPT_ERRORBUFFER, nil)
        note.deallocate()
    }

    /// Sets all options of the handle. Throws when libcurl refuses one.
    func configure() throws(CurlSetupFailure) {
        try configureTarget()
        try configureConduct()
        try configureTrust()
        try configureCallbacks()
    }

    /// Reports the result. Called once, after the handle was removed from the multi handle.
    ///
    /// The last check may have been before a long handshake, but no answer is older than its
    /// request.
    func report(_ result: Result<UpstreamReply, TransportFailure>) {
        heedThrottling()
        let sentAt = sendGuard.sentAt
        reply(
            UpstreamCallReport(
                result: result, sentAt: sentAt, endedAt: clock(),
                answeredAt: max(lookedAt, sentAt ?? lookedAt), turn: turn))
        turn = nil
    }

    /// Continues the transfer in its body's turn: libcurl passes the bytes that it kept during this
    /// call.
    ///
    /// libcurl's code is that of the callback.
    func goOn(_ turn: BodyTurns.Turn) {
        begin(turn)
        _ = curl_easy_pause(handle.pointer, CURLPAUSE_RECV_CONT)
    }

    /// Called when all sockets have been checked: an answer that has not begun is later than now.
    func lookedInVain() {
        if !response.hasBegun { lookedAt = clock() }
    }

    /// The transfer's result, once libcurl reports its end.
    func result(of code: CURLcode) -> Result<UpstreamReply, TransportFailure> {
        switch sendGuard.refusal {
        case .tooLate:
            return failure(.slotExpired, "the time to send had passed; nothing was sent")
        case .leftAlone:
            let now = clock()
            let until = min(request.leftAloneUntil.withLock { $0 }, now + Self.leftAloneMost)
            return .failure(
                TransportFailure(
                    kind: .slotExpired,
                    detail: "the upstream's pause is not over; nothing was sent",
                    leftAloneFor: max(.zero, until - now)))
        case .repeated:
            return failure(
                .connectionLost, "the reused connection was dead; the request was not repeated")
        case nil: break
        }
        // The pause applies even if the body is incomplete.
        if response.isHeadWhole, isThrottled { return answer }
        switch response.overflow {
        case .body:
            return failure(.tooLarge, "the body is over \(request.limits.bodyBytesMax) bytes")
        case .fields:
            return failure(
                .tooLarge,
                "the header is over \(request.limits.fieldBytesMax) bytes or"
                    + " \(request.limits.fieldsMax) fields")
        case nil: break
        }
        guard code == CURLE_OK else { return failure(code) }
        // libcurl accepts an answer whose connection closes inside the header section.
        guard response.isHeadWhole else {
            return failure(.connectionLost, "the connection closed within the header section")
        }
        return answer
    }

    /// The status of the last status line; 0 before any.
    private var status: Int { handle.number(of: CURLINFO_RESPONSE_CODE) }
    private var isThrottled: Bool { status == 429 }
    private var answer: Result<UpstreamReply, TransportFailure> {
        Result { () throws(Gzip.Failure) in try response.reply(status: status) }.mapError {
            TransportFailure(
                kind: $0 == .tooLarge ? .tooLarge : .malformed, detail: $0.description)
        }
    }

    /// After a 429's status line nothing more is sent to the upstream: 1. the line is read; 2. in
    /// the same turn of the queue, another transfer's connection is established; 3. the tracker
    /// receives the 429, and sets the pause, which is never shorter than this one.
    private func heedThrottling() {
        guard isThrottled else { return }
        let until = clock() + Self.throttledLeast
        request.leftAloneUntil.withLock { $0 = max($0, until) }
    }

    /// The shortest pause, restarted at each piece of the answer.
    private static let throttledLeast = Duration.seconds(1)
    /// For longer times, the check is repeated then.
    private static let leftAloneMost = Duration.seconds(3600)

    private func failure(_ code: CURLcode) -> Result<UpstreamReply, TransportFailure> {
        let wasSent = sendGuard.sentAt != nil
        let systemError =
            socketError ?? Int32(truncatingIfNeeded: handle.number(of: CURLINFO_OS_ERRNO))
        let shortage = wasSent ? nil : ResourceExhaustion.explaining(code, systemError: systemError)
        let kind =
            shortage == nil
            ? CurlFailureTable.kind(of: code, wasSent: wasSent) : .outOfResources
        let detail = CurlFailureTable.detail(
            of: code, kind: kind, systemError: shortage ?? systemError,
            note: String(cString: note))
        return failure(kind, detail)
    }

    private func failure(
        _ kind: UpstreamFault.Kind, _ detail: String
    ) -> Result<UpstreamReply, TransportFailure> {
        .failure(TransportFailure(kind: kind, detail: detail))
    }
}

// MARK: - Callbacks
// All run on the driver's queue, inside `curl_multi_socket_action`. `context` is the transfer,
// which the driver retains; the bytes belong to libcurl and are valid during the call only.

extension CurlTransfer {
    static func from(_ context: UnsafeMutableRawPointer?) -> CurlTransfer? {
        context.map { Unmanaged<CurlTransfer>.fromOpaque($0).takeUnretainedValue() }
    }

    fileprivate func take(line: UnsafeRawBufferPointer) -> Bool {
        heedThrottling()
        return response.takeLine(line)
    }
    fileprivate func take(body: UnsafeRawBufferPointer) -> Bool {
        heedThrottling()
        return response.takeBody(body)
    }
    /// False: libcurl has to keep the bytes and pause, until the body's turn. A 429 never waits,
    /// since its pause has to be reported.
    fileprivate func mayTake(body: UnsafeRawBufferPointer) -> Bool {
        guard turn == nil, !isThrottled, response.isLarge(with: body.count) else { return true }
        guard let turn = turns.take(self) else { return false }
        begin(turn)
        return true
    }
    fileprivate func begin(_ turn: BodyTurns.Turn) {
        self.turn = turn
        response.expectWholeBody()
    }
    fileprivate func mayBeSent() -> Bool {
        sendGuard.ask(now: clock(), leftAloneUntil: request.leftAloneUntil.withLock { $0 })
    }
    fileprivate func open(_ address: curl_sockaddr) -> curl_socket_t {
        let socket = ResourceExhaustion.open(
            family: address.family, type: address.socktype, protocol: address.protocol)
        socketError = socket < 0 ? errno : nil
        return socket
    }
}

/// Body bytes. Any return but `size * count` ends the transfer, except for the one that pauses it.
let takeBody: curl_write_callback = { bytes, size, count, context in
    let length = size * count
    let buffer = UnsafeRawBufferPointer(start: bytes, count: length)
    guard let transfer = CurlTransfer.from(context) else { return length &+ 1 }
    guard transfer.mayTake(body: buffer) else { return Int(CURL_WRITEFUNC_PAUSE) }
    return transfer.take(body: buffer) ? length : length &+ 1
}

/// One whole header line. Any return but `size * count` ends the transfer.
let takeLine: curl_write_callback = { bytes, size, count, context in
    let length = size * count
    let buffer = UnsafeRawBufferPointer(start: bytes, count: length)
    return CurlTransfer.from(context)?.take(line: buffer) == true ? length : length &+ 1
}

/// Runs when the connection is established (TLS included), before every send, including libcurl's
/// own repetition.
let askToSend: curl_prereq_callback = { context, _, _, _, _ in
    CurlTransfer.from(context)?.mayBeSent() == true ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT
}

/// Negative: no socket could be created.
let openSocket: curl_opensocket_callback = { context, _, address in
    guard let address else { return CURL_SOCKET_BAD }
    return CurlTransfer.from(context)?.open(address.pointee) ?? CURL_SOCKET_BAD
}
