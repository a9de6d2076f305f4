// The answer of a token endpoint (RFC 6749, section 5): a reply comes in, a token or the reason why
// not goes out.

internal import StatusCore

/// A token as it was handed out.
struct FetchedToken: Sendable, Equatable {
    let value: Secret
    /// Counted from before it was asked for.
    let lifetime: Duration

    static let lifetimeIfUntold = Duration.seconds(300)
    static let lifetimeMax = Duration.seconds(86_400)
}

/// What a fetch brought.
enum TokenAnswer: Equatable {
    case token(FetchedToken)
    case fault(UpstreamFault)

    /// Of a whole token answer.
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
            if let token = readToken(reply.body) { return .token(token) }
            return unavailable(reply.status, "the token endpoint's answer holds no bearer token")
        case 400, 401, 403:
            return .fault(
                UpstreamFault(
                    kind: .tokenRefused, httpStatus: reply.status, code: errorCode(reply.body),
                    message: "the token endpoint refused our credentials"))
        default:
            return unavailable(reply.status, "the token endpoint answered \(reply.status)")
        }
    }

    private static func unavailable(_ status: Int, _ message: String) -> TokenAnswer {
        .fault(UpstreamFault(kind: .tokenUnavailable, httpStatus: status, message: message))
    }

    private static func clipped(_ text: String) -> String {
        var text = text
        while text.utf8.count > UpstreamFault.messageBytesMax { text.removeLast() }
        return text
    }

    /// Nil when the body is not JSON, or its token is of another type or cannot be sent.
    static func readToken(_ body: [UInt8]) -> FetchedToken? {
        guard let answer = try? JSONReader.read(body) else { return nil }
        guard let type = answer["token_type"]?.string, type.lowercased() == "bearer" else {
            return nil
        }
        guard let value = answer["access_token"]?.string.map(Secret.init), value.isFieldSafe else {
            return nil
        }
        let lifetime = lifetime(answer["expires_in"])
        guard lifetime > .zero else { return nil }
        return FetchedToken(value: value, lifetime: lifetime)
    }

    /// Some servers write the number as a string.
    private static func lifetime(_ told: JSONValue?) -> Duration {
        guard let seconds = told?.integer ?? told?.string.flatMap({ Int64($0) }) else {
            return FetchedToken.lifetimeIfUntold
        }
        return min(FetchedToken.lifetimeMax, .seconds(seconds))
    }

    /// Only the codes of RFC 6749, section 5.2 are passed on: anything else could be our own secret
    /// played back.
    private static func errorCode(_ body: [UInt8]) -> String? {
        guard let code = (try? JSONReader.read(body))?["error"]?.string else { return nil }
        return knownErrorCodes.contains(code) ? code : nil
    }

    private static let knownErrorCodes: Set = [
        "invalid_request", "invalid_client", "invalid_grant", "unauthorized_client",
        "unsupported_grant_type", "invalid_scope", "access_denied",
    ]
}
