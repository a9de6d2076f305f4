// The request for a token (RFC 6749, section 4.4.2): credentials come in, a form goes out.

internal import StatusCore

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
