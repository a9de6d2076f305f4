// The libcurl options of one transfer.

internal import CCurl
internal import Glibc
internal import Locking
internal import StatusCore

extension CurlTransfer {
    func configureTarget() throws(CurlSetupFailure) {
        try handle.set(CURLOPT_URL, request.url)
        // The path is sent unchanged: dot segments are kept.
        try handle.set(CURLOPT_PATH_AS_IS, 1)
        try handle.set(CURLOPT_DISALLOW_USERNAME_IN_URL, 1)
        try handle.set(CURLOPT_PROTOCOLS_STR, request.scheme.rawValue)
        try handle.set(CURLOPT_REDIR_PROTOCOLS_STR, request.scheme.rawValue)
        // libcurl would send even these requests, with their credentials, to the proxy of the
        // environment.
        if request.isLoopback { try handle.set(CURLOPT_PROXY, "") }
        try handle.set(CURLOPT_USERAGENT, request.userAgent)
        if let form = request.form { try handle.set(form: form) }
        // By default, Basic is the only authentication that libcurl uses.
        if let basic = request.basic {
            try handle.set(CURLOPT_USERNAME, basic.user)
            try handle.set(CURLOPT_PASSWORD, basic.password)
        }
        try fields.append("Accept", "application/json")
        // Decoded by ``Gzip``.
        try fields.append("Accept-Encoding", "gzip")
        for field in request.fields { try fields.append(field.name, field.value) }
        try handle.set(fields: fields)
        // Credentials go to the upstream, never to a proxy.
        try handle.set(CURLOPT_HEADEROPT, Int(CURLHEADER_SEPARATE))
    }

    func configureConduct() throws(CurlSetupFailure) {
        try handle.set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
        try handle.set(CURLOPT_FOLLOWLOCATION, 0)
        let timeout = milliseconds(request.timeout)
        try handle.set(CURLOPT_TIMEOUT_MS, timeout)
        try handle.check(
            door_easy_bound_sockets(handle.pointer, UInt32(clamping: timeout)),
            CURLOPT_SOCKOPTFUNCTION)
        try handle.set(CURLOPT_NOSIGNAL, 1)
        // Without it, a time-out during a name look-up waits for the resolver's thread, and blocks
        // the queue of all transfers (measured: 3.7 s with a look-up of 4 s; with it, none).
        try handle.set(CURLOPT_QUICK_EXIT, 1)
        try handle.set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
        try handle.set(CURLOPT_MAXFILESIZE_LARGE, bytes: request.limits.bodyBytesMax)
        try handle.set(CURLOPT_MAXAGE_CONN, CurlMulti.idleSecondsMax)
        try handle.set(CURLOPT_MAXLIFETIME_CONN, CurlMulti.connectionSecondsMax)
        guard !request.sharesConnections else { return }
        try handle.set(CURLOPT_FRESH_CONNECT, 1)
        try handle.set(CURLOPT_FORBID_REUSE, 1)
    }

    /// An extra file replaces the system's bundle, while the system's directory of hashed
    /// certificates stays in use: OpenSSL trusts both.
    ///
    /// Without an extra file only the bundle is used, since libcurl caches the parsed bundle only
    /// if there is no directory. Measured for one new connection: 48 ms with both, which would
    /// block the queue; 3 ms with the cached bundle, or with an extra file and the directory.
    func configureTrust() throws(CurlSetupFailure) {
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

    func configureCallbacks() throws(CurlSetupFailure) {
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
