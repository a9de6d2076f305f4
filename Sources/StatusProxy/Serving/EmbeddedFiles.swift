// Answers with files that are embedded in the program.

import CCrypto
import CResources
import HTTPWire

enum EmbeddedFiles {
    /// The contract, byte for byte.
    static let openAPI = Response(
        status: 200,
        fields: [
            Field(name: "Content-Type", value: "application/yaml"),
            Field(name: "Cache-Control", value: "no-store"),
        ],
        body: bytes(status_proxy_openapi_start(), status_proxy_openapi_bytes))

    /// The page for browsers. It may run its own script and style, identified by their digests, and
    /// send requests to this service; nothing else.
    static let page: Response = {
        let page = bytes(status_proxy_page_start(), status_proxy_page_bytes)
        let policy = [
            "default-src 'none'", "script-src '\(digest(ofThe: "script", in: page))'",
            "style-src '\(digest(ofThe: "style", in: page))'", "connect-src 'self'",
            "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
        ]
        return Response(
            status: 200,
            fields: [
                Field(name: "Content-Type", value: "text/html; charset=utf-8"),
                Field(name: "Cache-Control", value: "no-store"),
                Field(name: "Content-Security-Policy", value: policy.joined(separator: "; ")),
                Field(name: "X-Content-Type-Options", value: "nosniff"),
                Field(name: "Referrer-Policy", value: "no-referrer"),
            ], body: page)
    }()

    private static func bytes(_ start: UnsafePointer<UInt8>?, _ count: Int) -> [UInt8] {
        Array(UnsafeBufferPointer(start: start, count: count))
    }

    /// The hash source of the content of the page's only element of that name (CSP 3, 2.3.1).
    private static func digest(ofThe element: String, in page: [UInt8]) -> String {
        guard let start = page.firstRange(of: Array("<\(element)>".utf8)),
            let end = page.firstRange(of: Array("</\(element)>".utf8))
        else { preconditionFailure("the page has no \(element)") }
        var digest = [UInt8](repeating: 0, count: Int(ccrypto_sha256_bytes))
        let code = page[start.upperBound..<end.lowerBound].withUnsafeBytes {
            ccrypto_sha256($0.baseAddress, $0.count, &digest)
        }
        precondition(code == 1, "SHA-256 does not fail")
        return "sha256-" + Base64.text(digest)
    }
}

/// RFC 4648, section 4.
enum Base64 {
    private static let letters = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func text(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let bits = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
            for index in 0...3 {
                let isPadding = index > group.count
                text.append(
                    isPadding ? UInt8(ascii: "=") : letters[bits >> (18 - 6 * index) & 63])
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
