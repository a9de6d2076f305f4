// Converts an upstream's raw answer to an outcome: by the HTTP status first, then by the body.

/// Reads an upstream's answer about one action. Relies on nothing that is not promised.
public enum Normalizer {
    /// The answer's outcome for the action, and its hints about the upstream's limits.
    ///
    /// `key` is the requested action; `reader` reads its source's bodies; `now` is the time of the
    /// answer.
    public static func outcome(
        of reply: UpstreamReply, about key: EntryKey, by reader: any StateReader, now: WallTime
    ) -> (outcome: CallOutcome, hints: RateHints) {
        (outcome(of: reply, key, reader), RateHintReader.hints(in: reply, now: now))
    }

    private static func outcome(
        of reply: UpstreamReply, _ key: EntryKey, _ reader: any StateReader
    ) -> CallOutcome {
        let id = key.id
        return switch reply.status {
        case 204, 205, 206: failure(.unexpectedStatus, reply, id)
        // RFC 9110, 15: an unknown 2xx is read as 200. The body is checked anyway.
        case 200..<300: answer(reply, key, reader)
        case 300..<400: failure(.redirected, reply, id)
        case 401: failure(.unauthorized, reply, id)
        case 402: failure(.paymentRequired, reply, id)
        case 403: failure(.forbidden, reply, id)
        case 404: notFound(reply, id, reader)
        case 429: failure(.throttled, reply, id)
        case 500..<600: failure(.serverError, reply, id)
        default: failure(.unexpectedStatus, reply, id)
        }
    }

    // MARK: 2xx

    private static func answer(
        _ reply: UpstreamReply, _ key: EntryKey, _ reader: any StateReader
    ) -> CallOutcome {
        do throws(BodyFault) {
            let body = try read(reply.body)
            let action = try reader.action(in: body, of: key.source, asked: key.id)
            return .answered(action.document())
        } catch {
            return failure(
                error.kind, reply, key.id,
                otherwise: error.message + foreignCoding(reply, error, key.id))
        }
    }

    /// A possible cause of a body that is not JSON: a content coding that was not requested.
    private static func foreignCoding(
        _ reply: UpstreamReply, _ fault: BodyFault, _ id: ActionID
    ) -> String {
        guard fault.kind == .notJSON,
            let coding = reply.value(of: "content-encoding")?.lowercased(),
            !["", "identity", "gzip", "x-gzip"].contains(coding),
            let word = FaultText.clean(coding, keeping: id), word.utf8.count <= 40
        else { return "" }
        return "; its content coding is \(word), which was not requested"
    }

    private static func read(_ body: [UInt8]) throws(BodyFault) -> JSONValue {
        guard !body.isEmpty else { throw .empty }
        do throws(JSONFailure) {
            return try JSONReader.read(body)
        } catch {
            throw .unreadable(error)
        }
    }

    // MARK: 404

    /// A 404 means that the upstream does not know the action only in the upstream's own error
    /// shape. Any other body is from a web server, a gateway or a wrong base URL. Reading it as
    /// "not found" would make all actions look missing during a routing fault; reading it as a
    /// fault costs a 502 and a later call.
    private static func notFound(
        _ reply: UpstreamReply, _ id: ActionID, _ reader: any StateReader
    ) -> CallOutcome {
        guard let body = try? JSONReader.read(reply.body), reader.isNotFound(body) else {
            return failure(.unexpectedStatus, reply, id)
        }
        let error = UpstreamErrorBody(reply.body)
        return .notFound(fault(.notFound, reply, error, id))
    }

    // MARK: Faults

    private static func failure(
        _ kind: UpstreamFault.Kind, _ reply: UpstreamReply, _ id: ActionID,
        otherwise words: String? = nil
    ) -> CallOutcome {
        let error = UpstreamErrorBody(reply.body)
        var fault = fault(kind, reply, error, id)
        if fault.message == nil { fault.message = words }
        return .failed(fault)
    }

    private static func fault(
        _ kind: UpstreamFault.Kind, _ reply: UpstreamReply, _ error: UpstreamErrorBody?,
        _ id: ActionID
    ) -> UpstreamFault {
        UpstreamFault(
            kind: kind,
            httpStatus: reply.status,
            code: error?.code.flatMap { FaultText.clean($0, keeping: id) },
            message: error?.message.flatMap { FaultText.clean($0, keeping: id) })
    }
}
