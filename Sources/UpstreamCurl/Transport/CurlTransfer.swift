// One request under way: its handle, its guard and what has come back so far.

internal import CCurl
internal import Glibc
internal import Locking
internal import StatusCore

/// A transfer, from its settings to its report.
///
/// Lives on the queue of the ``CurlDriver`` that runs it and is touched nowhere else. libcurl holds
/// unretained pointers to it and to `note`; they are valid because the driver keeps the transfer
/// until its handle is out of the multi handle, and the handle dies with the transfer.
final class CurlTransfer {
    let handle: EasyHandle
    let request: CurlRequest
    private let clock: @Sendable () -> Instant
    private let reply: @Sendable (UpstreamCallReport) -> Void
    private var sendGuard: SendGuard
    private var response: ResponseCollector
    private let turns: BodyTurns
    private var turn: BodyTurns.Turn?
    private var fields = FieldList()
    private let note: UnsafeMutablePointer<CChar>
    /// When an answer was last looked for in vain.
    private var lookedAt: Instant
    /// The errno with which the kernel refused the last socket; nil when it gave one.
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

    /// The handle's clean-up comes after this body: it must not find the note.
    deinit {
        _ = door_easy_set_pointer(handle.pointer, CURLOPT_ERRORBUFFER, nil)
        note.deallocate()
    }

    /// Gives libcurl all that it has to know. Throws when it refuses a setting.
    func configure() throws(CurlSetupFailure) {
        try configureTarget()
        try configureConduct()
        try configureTrust()
        try configureCallbacks()
    }

    /// Says how it went. Called once, after the handle has left the multi handle.
    ///
    /// The last look may have been before a long handshake: no answer is older than its question.
    func report(_ result: Result<UpstreamReply, TransportFailure>) {
        heedThrottling()
        let sentAt = sendGuard.sentAt
        reply(
            UpstreamCallReport(
                result: result, sentAt: sentAt, endedAt: clock(),
                answeredAt: max(lookedAt, sentAt ?? lookedAt), turn: turn))
        turn = nil
    }

    /// The turn of its body has come: libcurl hands over what it has kept, inside of this.
    ///
    /// Its code tells of no more than what the callback has answered.
    func goOn(_ turn: BodyTurns.Turn) {
        begin(turn)
        _ = curl_easy_pause(handle.pointer, CURLPAUSE_RECV_CONT)
    }

    /// Every socket has been looked at: what has not begun to come by now is answered later.
    func lookedInVain() {
        if !response.hasBegun { lookedAt = clock() }
    }

    /// What the transfer came to, once libcurl says that it is over.
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
                    detail: "the upstream is to be left alone; nothing was sent",
                    leftAloneFor: max(.zero, until - now)))
        case .repeated:
            return failure(
                .connectionLost, "the reused connection was dead; the request was not repeated")
        case nil: break
        }
        // The pause that it asks for holds, whatever became of its body.
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
        // libcurl takes a connection that closes amid the header section for a whole answer.
        guard response.isHeadWhole else {
            return failure(.connectionLost, "the connection closed within the header")
        }
        return answer
    }

    /// The last status line's; 0 before any.
    private var status: Int { handle.number(of: CURLINFO_RESPONSE_CODE) }
    private var isThrottled: Bool { status == 429 }
    private var answer: Result<UpstreamReply, TransportFailure> {
        Result { () throws(Gzip.Failure) in try response.reply(status: status) }.mapError {
            TransportFailure(
                kind: $0 == .tooLarge ? .tooLarge : .malformed, detail: $0.description)
        }
    }

    /// From a 429's status line on nothing more is sent (invariant 8): 1. it is read; 2. another
    /// transfer's connection stands, in the same turn of the queue; 3. the tracker hears of the 429,
    /// and says for how long the upstream is to be left alone. That is never less than this.
    private func heedThrottling() {
        guard isThrottled else { return }
        let until = clock() + Self.throttledLeast
        request.leftAloneUntil.withLock { $0 = max($0, until) }
    }

    /// The least that a pause is clamped to, counted anew from each piece of the answer.
    private static let throttledLeast = Duration.seconds(1)
    /// Told of a longer time: it is asked again then.
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

// MARK: - Settings

extension CurlTransfer {
    private func configureTarget() throws(CurlSetupFailure) {
        try handle.set(CURLOPT_URL, request.url)
        // The path is ours to the letter: no dot segments are folded.
        try handle.set(CURLOPT_PATH_AS_IS, 1)
        try handle.set(CURLOPT_DISALLOW_USERNAME_IN_URL, 1)
        try handle.set(CURLOPT_PROTOCOLS_STR, request.scheme.rawValue)
        try handle.set(CURLOPT_REDIR_PROTOCOLS_STR, request.scheme.rawValue)
        // libcurl would hand even these, and their credentials, to the proxy that the environment names.
        if request.isLoopback { try handle.set(CURLOPT_PROXY, "") }
        try handle.set(CURLOPT_USERAGENT, request.userAgent)
        if let form = request.form { try handle.set(form: form) }
        // Basic is the only way to authenticate that libcurl uses unless told otherwise.
        if let basic = request.basic {
            try handle.set(CURLOPT_USERNAME, basic.user)
            try handle.set(CURLOPT_PASSWORD, basic.password)
        }
        try fields.append("Accept", "application/json")
        // Unfolded by ourselves: see ``Gzip``.
        try fields.append("Accept-Encoding", "gzip")
        for field in request.fields { try fields.append(field.name, field.value) }
        try handle.set(fields: fields)
        // What names us goes to the upstream, never to a proxy in between.
        try handle.set(CURLOPT_HEADEROPT, Int(CURLHEADER_SEPARATE))
    }

    private func configureConduct() throws(CurlSetupFailure) {
        try handle.set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
        try handle.set(CURLOPT_FOLLOWLOCATION, 0)
        let timeout = milliseconds(request.timeout)
        try handle.set(CURLOPT_TIMEOUT_MS, timeout)
        try handle.check(
            door_easy_bound_sockets(handle.pointer, UInt32(clamping: timeout)),
            CURLOPT_SOCKOPTFUNCTION)
        try handle.set(CURLOPT_NOSIGNAL, 1)
        // Else a time-out while a name is looked up waits for the resolver's thread, and with it
        // the queue of all transfers (measured: 3.7 s behind a look-up of 4 s; with it, none).
        try handle.set(CURLOPT_QUICK_EXIT, 1)
        try handle.set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
        try handle.set(CURLOPT_MAXFILESIZE_LARGE, bytes: request.limits.bodyBytesMax)
        try handle.set(CURLOPT_MAXAGE_CONN, CurlMulti.idleSecondsMax)
        try handle.set(CURLOPT_MAXLIFETIME_CONN, CurlMulti.connectionSecondsMax)
        guard !request.sharesConnections else { return }
        try handle.set(CURLOPT_FRESH_CONNECT, 1)
        try handle.set(CURLOPT_FORBID_REUSE, 1)
    }

    /// An extra file takes the place of the system's bundle, while the system's directory of hashed
    /// certificates stays: OpenSSL believes both.
    ///
    /// Without one the bundle serves alone, for libcurl keeps it parsed for later connections only
    /// when there is no directory besides it. Measured on one new connection: 48 ms with both, which
    /// would hold up the queue, 3 ms with either the kept bundle or an extra file and the directory.
    private func configureTrust() throws(CurlSetupFailure) {
        try handle.set(CURLOPT_SSL_VERIFYPEER, 1)
        try handle.set(CURLOPT_SSL_VERIFYHOST, 2)
        try handle.set(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
        if let folder = request.trust.systemDirectory { try handle.set(CURLOPT_CAPATH, folder) }
        if let file = request.trust.extraFile {
            try handle.set(CURLOPT_CAINFO, file)
        } else if request.trust.systemDirectory == nil, door_has_system_bundle() {
            try handle.clear(CURLOPT_CAPATH)
        }
    }

    private func configureCallbacks() throws(CurlSetupFailure) {
        let context = Unmanaged.passUnretained(self).toOpaque()
        try handle.set(CURLOPT_ERRORBUFFER, borrowed: UnsafeMutableRawPointer(note))
        try handle.check(
            door_easy_on_body(handle.pointer, takeBody, context), CURLOPT_WRITEFUNCTION)
        try handle.check(
            door_easy_on_field(handle.pointer, takeLine, context), CURLOPT_HEADERFUNCTION)
        try handle.check(
            door_easy_on_send(handle.pointer, askToSend, context), CURLOPT_PREREQFUNCTION)
        try handle.check(
            door_easy_on_open(handle.pointer, openSocket, context), CURLOPT_OPENSOCKETFUNCTION)
    }

    /// Rounded up: 0 would mean "no limit" to libcurl.
    private func milliseconds(_ span: Duration) -> Int {
        Int((span.nanoseconds + 999_999) / 1_000_000)
    }
}

// MARK: - Callbacks
// All run on the driver's queue, inside `curl_multi_socket_action`. `context` is the transfer, held
// by the driver; the bytes belong to libcurl and are valid during the call only.

extension CurlTransfer {
    fileprivate static func from(_ context: UnsafeMutableRawPointer?) -> CurlTransfer? {
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
    /// False: libcurl is to keep the bytes, and to bring no more, until the body's turn. A 429 never
    /// waits: its pause is to be told.
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
private let takeBody: curl_write_callback = { bytes, size, count, context in
    let length = size * count
    let buffer = UnsafeRawBufferPointer(start: bytes, count: length)
    guard let transfer = CurlTransfer.from(context) else { return length &+ 1 }
    guard transfer.mayTake(body: buffer) else { return Int(CURL_WRITEFUNC_PAUSE) }
    return transfer.take(body: buffer) ? length : length &+ 1
}

/// One whole header line. Any return but `size * count` ends the transfer.
private let takeLine: curl_write_callback = { bytes, size, count, context in
    let length = size * count
    let buffer = UnsafeRawBufferPointer(start: bytes, count: length)
    return CurlTransfer.from(context)?.take(line: buffer) == true ? length : length &+ 1
}

/// Runs when the connection stands (TLS included), before every send, the silent repetition too.
private let askToSend: curl_prereq_callback = { context, _, _, _, _ in
    CurlTransfer.from(context)?.mayBeSent() == true ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT
}

/// Negative: there is no socket to be had.
private let openSocket: curl_opensocket_callback = { context, _, address in
    guard let address else { return CURL_SOCKET_BAD }
    return CurlTransfer.from(context)?.open(address.pointee) ?? CURL_SOCKET_BAD
}
