// The only table from libcurl's codes to kinds of failures.

internal import CCurl
internal import Glibc
internal import StatusCore

/// The meaning of a code, which depends on whether the request was sent.
struct CurlFailureRow {
    let code: CURLcode
    let name: String
    /// If the request had not been passed to the network.
    let before: UpstreamFault.Kind
    /// If it had been.
    let after: UpstreamFault.Kind

    init(
        _ code: CURLcode, _ name: String, _ before: UpstreamFault.Kind, _ after: UpstreamFault.Kind
    ) {
        self.code = code
        self.name = name
        self.before = before
        self.after = after
    }
}

/// Every code that an http or https transfer can end with. All others belong to other protocols,
/// and count as a lost connection. ``ResourceExhaustion`` is consulted before, for local causes.
enum CurlFailureTable {
    static func kind(of code: CURLcode, wasSent: Bool) -> UpstreamFault.Kind {
        guard let row = row(of: code) else { return wasSent ? .connectionLost : .connectFailed }
        return wasSent ? row.after : row.before
    }

    /// For operators: libcurl's name and message for the code, and the system's for errno.
    ///
    /// `note` is libcurl's message for this transfer. It is included only for a failed connect or
    /// handshake, before any secret was sent that a peer could echo in it.
    static func detail(
        of code: CURLcode, kind: UpstreamFault.Kind, systemError: Int32, note: String
    ) -> String {
        let name = row(of: code)?.name ?? "CURLE_\(code.rawValue)"
        var text = "\(name) (\(code.rawValue)): \(String(cString: curl_easy_strerror(code)))"
        switch kind {
        case .connectFailed, .tlsFailed, .outOfResources: if !note.isEmpty { text += "; \(note)" }
        default: break
        }
        if systemError != 0 {
            text += "; errno \(systemError): \(String(cString: strerror(systemError)))"
        }
        return text
    }

    private static func row(of code: CURLcode) -> CurlFailureRow? {
        rows.first { $0.code == code }
    }

    static let rows: [CurlFailureRow] = [
        // Name look-up and connect.
        CurlFailureRow(
            CURLE_COULDNT_RESOLVE_PROXY, "CURLE_COULDNT_RESOLVE_PROXY",
            .connectFailed, .connectionLost),
        CurlFailureRow(
            CURLE_COULDNT_RESOLVE_HOST, "CURLE_COULDNT_RESOLVE_HOST",
            .connectFailed, .connectionLost),
        CurlFailureRow(
            CURLE_COULDNT_CONNECT, "CURLE_COULDNT_CONNECT", .connectFailed, .connectionLost),
        CurlFailureRow(CURLE_PROXY, "CURLE_PROXY", .connectFailed, .connectionLost),
        CurlFailureRow(
            CURLE_INTERFACE_FAILED, "CURLE_INTERFACE_FAILED", .connectFailed, .connectionLost),
        CurlFailureRow(
            CURLE_NO_CONNECTION_AVAILABLE, "CURLE_NO_CONNECTION_AVAILABLE",
            .connectFailed, .connectionLost),
        // TLS.
        CurlFailureRow(
            CURLE_SSL_CONNECT_ERROR, "CURLE_SSL_CONNECT_ERROR", .tlsFailed, .tlsFailed),
        CurlFailureRow(
            CURLE_PEER_FAILED_VERIFICATION, "CURLE_PEER_FAILED_VERIFICATION",
            .tlsFailed, .tlsFailed),
        CurlFailureRow(
            CURLE_SSL_CACERT_BADFILE, "CURLE_SSL_CACERT_BADFILE", .tlsFailed, .tlsFailed),
        CurlFailureRow(CURLE_SSL_CERTPROBLEM, "CURLE_SSL_CERTPROBLEM", .tlsFailed, .tlsFailed),
        CurlFailureRow(CURLE_SSL_CIPHER, "CURLE_SSL_CIPHER", .tlsFailed, .tlsFailed),
        CurlFailureRow(CURLE_SSL_CLIENTCERT, "CURLE_SSL_CLIENTCERT", .tlsFailed, .tlsFailed),
        CurlFailureRow(
            CURLE_SSL_ENGINE_NOTFOUND, "CURLE_SSL_ENGINE_NOTFOUND", .tlsFailed, .tlsFailed),
        CurlFailureRow(
            CURLE_SSL_ENGINE_SETFAILED, "CURLE_SSL_ENGINE_SETFAILED", .tlsFailed, .tlsFailed),
        CurlFailureRow(
            CURLE_SSL_ENGINE_INITFAILED, "CURLE_SSL_ENGINE_INITFAILED", .tlsFailed, .tlsFailed),
        CurlFailureRow(CURLE_SSL_CRL_BADFILE, "CURLE_SSL_CRL_BADFILE", .tlsFailed, .tlsFailed),
        CurlFailureRow(CURLE_SSL_ISSUER_ERROR, "CURLE_SSL_ISSUER_ERROR", .tlsFailed, .tlsFailed),
        CurlFailureRow(
            CURLE_SSL_PINNEDPUBKEYNOTMATCH, "CURLE_SSL_PINNEDPUBKEYNOTMATCH",
            .tlsFailed, .tlsFailed),
        CurlFailureRow(
            CURLE_SSL_INVALIDCERTSTATUS, "CURLE_SSL_INVALIDCERTSTATUS", .tlsFailed, .tlsFailed),
        // Without a close_notify, the answer may have been truncated.
        CurlFailureRow(
            CURLE_SSL_SHUTDOWN_FAILED, "CURLE_SSL_SHUTDOWN_FAILED", .tlsFailed, .connectionLost),
        // The established connection. Before the send this is the proxy's tunnel.
        CurlFailureRow(CURLE_SEND_ERROR, "CURLE_SEND_ERROR", .connectFailed, .connectionLost),
        CurlFailureRow(CURLE_RECV_ERROR, "CURLE_RECV_ERROR", .connectFailed, .connectionLost),
        CurlFailureRow(CURLE_GOT_NOTHING, "CURLE_GOT_NOTHING", .connectFailed, .connectionLost),
        CurlFailureRow(CURLE_PARTIAL_FILE, "CURLE_PARTIAL_FILE", .connectFailed, .connectionLost),
        CurlFailureRow(CURLE_AGAIN, "CURLE_AGAIN", .connectFailed, .connectionLost),
        CurlFailureRow(
            CURLE_SEND_FAIL_REWIND, "CURLE_SEND_FAIL_REWIND", .connectFailed, .connectionLost),
        CurlFailureRow(
            CURLE_UNRECOVERABLE_POLL, "CURLE_UNRECOVERABLE_POLL", .connectFailed, .connectionLost),
        CurlFailureRow(
            CURLE_OPERATION_TIMEDOUT, "CURLE_OPERATION_TIMEDOUT", .timedOut, .timedOut),
        // The answer is not HTTP, or cannot be read.
        CurlFailureRow(
            CURLE_UNSUPPORTED_PROTOCOL, "CURLE_UNSUPPORTED_PROTOCOL", .connectFailed, .malformed),
        CurlFailureRow(
            CURLE_WEIRD_SERVER_REPLY, "CURLE_WEIRD_SERVER_REPLY", .connectFailed, .malformed),
        CurlFailureRow(
            CURLE_BAD_CONTENT_ENCODING, "CURLE_BAD_CONTENT_ENCODING", .connectFailed, .malformed),
        CurlFailureRow(
            CURLE_HTTP_RETURNED_ERROR, "CURLE_HTTP_RETURNED_ERROR", .connectFailed, .malformed),
        CurlFailureRow(
            CURLE_TOO_MANY_REDIRECTS, "CURLE_TOO_MANY_REDIRECTS", .connectFailed, .malformed),
        CurlFailureRow(CURLE_RANGE_ERROR, "CURLE_RANGE_ERROR", .connectFailed, .malformed),
        CurlFailureRow(CURLE_HTTP2, "CURLE_HTTP2", .connectFailed, .malformed),
        CurlFailureRow(CURLE_HTTP2_STREAM, "CURLE_HTTP2_STREAM", .connectFailed, .malformed),
        CurlFailureRow(
            CURLE_FILESIZE_EXCEEDED, "CURLE_FILESIZE_EXCEEDED", .connectFailed, .tooLarge),
        // Local causes. A refusal by our own callback is recognised before this table is used.
        CurlFailureRow(CURLE_WRITE_ERROR, "CURLE_WRITE_ERROR", .connectFailed, .connectionLost),
        CurlFailureRow(CURLE_READ_ERROR, "CURLE_READ_ERROR", .connectFailed, .connectionLost),
        CurlFailureRow(
            CURLE_ABORTED_BY_CALLBACK, "CURLE_ABORTED_BY_CALLBACK",
            .connectFailed, .connectionLost),
        CurlFailureRow(
            CURLE_OUT_OF_MEMORY, "CURLE_OUT_OF_MEMORY", .outOfResources, .connectionLost),
        CurlFailureRow(CURLE_FAILED_INIT, "CURLE_FAILED_INIT", .connectFailed, .connectionLost),
        CurlFailureRow(CURLE_URL_MALFORMAT, "CURLE_URL_MALFORMAT", .connectFailed, .connectionLost),
        CurlFailureRow(CURLE_NOT_BUILT_IN, "CURLE_NOT_BUILT_IN", .connectFailed, .connectionLost),
        CurlFailureRow(
            CURLE_UNKNOWN_OPTION, "CURLE_UNKNOWN_OPTION", .connectFailed, .connectionLost),
        CurlFailureRow(
            CURLE_SETOPT_OPTION_SYNTAX, "CURLE_SETOPT_OPTION_SYNTAX",
            .connectFailed, .connectionLost),
        CurlFailureRow(
            CURLE_BAD_FUNCTION_ARGUMENT, "CURLE_BAD_FUNCTION_ARGUMENT",
            .connectFailed, .connectionLost),
        CurlFailureRow(
            CURLE_RECURSIVE_API_CALL, "CURLE_RECURSIVE_API_CALL", .connectFailed, .connectionLost),
        CurlFailureRow(CURLE_AUTH_ERROR, "CURLE_AUTH_ERROR", .connectFailed, .connectionLost),
        CurlFailureRow(CURLE_LOGIN_DENIED, "CURLE_LOGIN_DENIED", .connectFailed, .connectionLost),
    ]
}
