// A token's request, and what its answer says.

internal import StatusCore

/// A token as the endpoint issued it.
struct FetchedToken: Sendable, Equatable {
    let value: Secret
    /// Counted from before the request.
    let lifetime: Duration

    /// For a token without a usable lifetime.
    static let lifetimeIfUnknown = Duration.seconds(60)
    static let lifetimeMax = Duration.seconds(86_400)
}

/// The result of a fetch.
enum TokenAnswer: Equatable {
    case token(FetchedToken)
    /// `retryAfter`: the endpoint's own.
    case fault(UpstreamFault, retryAfter: Duration? = nil)

    /// The largest token answer.
    static let bodyBytesMax = 64 * 1024

    static func read(_ result: Result<UpstreamReply, TransportFailure>) -> TokenAnswer {
        switch result {
        case .failure(let failure):
            let kind = failure.kind == .outOfResources ? failure.kind : .tokenUnavailable
            let message = "token endpoint: \(failure.kind.rawValue), \(failure.detail)"
            return .fault(UpstreamFault(kind: kind, message: clipped(message)))
        case .success(let reply): return read(reply)
        }
    }

    private static func read(_ reply: UpstreamReply) -> TokenAnswer {
        switch reply.status {
        case 200...299:
            do throws(Unusable) {
                return .token(try readToken(reply.body))
            } catch {
                return unavailable(reply, "the token endpoint's answer \(error.rawValue)")
            }
        case 400, 401, 403:
            let fault = UpstreamFault(
                kind: .tokenRefused, httpStatus: reply.status, code: errorCode(reply.body),
                message: "the token endpoint refused the credentials")
            return .fault(fault, retryAfter: reply.retryAfter)
        default:
            return unavailable(reply, "the token endpoint answered \(reply.status)")
        }
    }

    private static func unavailable(_ reply: UpstreamReply, _ message: String) -> TokenAnswer {
        let fault = UpstreamFault(
            kind: .tokenUnavailable, httpStatus: reply.status, message: message)
        return .fault(fault, retryAfter: reply.retryAfter)
    }

    /// Why an answer has no usable token.
    enum Unusable: String, Error {
        case notJSON = "is not a JSON object"
        case otherType = "has a token_type other than Bearer"
        case noToken = "has no access_token"
        case unsendable = "has an access_token that is empty, too long, or no valid field value"
    }

    private static func clipped(_ text: String) -> String {
        var text = text
        while text.utf8.count > UpstreamFault.messageBytesMax { text.removeLast() }
        return text
    }

    /// A missing type counts as Bearer.
    static func readToken(_ body: [UInt8]) throws(Unusable) -> FetchedToken {
        guard let answer = try? JSONReader.read(body), case .object = answer else {
            throw .notJSON
        }
        if let type = answer["token_type"], type != .null {
            guard type.string?.lowercased() == "bearer" else { throw .otherType }
        }
        guard let text = answer["access_token"]?.string else { throw .noToken }
        let value = Secret(text)
        guard value.isFieldSafe else { throw .unsendable }
        return FetchedToken(value: value, lifetime: lifetime(answer["expires_in"]))
    }

    /// Some servers write the number as a string. A token whose lifetime is over or unreadable is
    /// tried all the same, and renewed soon.
    private static func lifetime(_ given: JSONValue?) -> Duration {
        guard let seconds = given?.integer ?? given?.string.flatMap({ Int64($0) }), seconds > 0
        else {
            return FetchedToken.lifetimeIfUnknown
        }
        return min(FetchedToken.lifetimeMax, .seconds(seconds))
    }

    /// Only the codes of RFC 6749, section 5.2 are passed on: any other text could be our own
    /// secret, echoed back.
    private static func errorCode(_ body: [UInt8]) -> String? {
        guard let code = (try? JSONReader.read(body))?["error"]?.string else { return nil }
        return knownErrorCodes.contains(code) ? code : nil
    }

    private static let knownErrorCodes: Set = [
        "invalid_request", "invalid_client", "invalid_grant", "unauthorized_client",
        "unsupported_grant_type", "invalid_scope", "access_denied",
    ]
}

/// The request for a token (RFC 6749, section 4.4.2): credentials come in, a form goes out.
enum TokenRequest {
    /// The form's bytes, `application/x-www-form-urlencoded`.
    static func form(_ client: ClientCredentials) -> [UInt8] {
        var pairs = [("grant_type", "client_credentials")]
        if client.authentication == .post {
            pairs.append(("client_id", client.clientID))
            pairs.append(("client_secret", client.clientSecret.text))
        }
        pairs += client.form.map { ($0.name, $0.value) }
        let text = pairs.map { "\(encoded($0))=\(encoded($1))" }.joined(separator: "&")
        return Array(text.utf8)
    }

    /// The user and password of HTTP Basic, each encoded like a form's value (section 2.3.1); nil:
    /// they are in the form.
    static func basic(_ client: ClientCredentials) -> CurlRequest.BasicCredentials? {
        guard client.authentication == .basic else { return nil }
        return CurlRequest.BasicCredentials(
            user: encoded(client.clientID), password: encoded(client.clientSecret.text))
    }

    /// Percent-encodes everything but RFC 3986's unreserved characters, which every form reader
    /// accepts.
    private static func encoded(_ text: String) -> String {
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            if isUnreserved(byte) {
                bytes.append(byte)
            } else {
                bytes += [UInt8(ascii: "%"), hexDigits[Int(byte >> 4)], hexDigits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        ActionID.isAllowed(byte) && byte != UInt8(ascii: ":")
    }

    private static let hexDigits = Array("0123456789ABCDEF".utf8)
}
