// Which requests of browsers are refused: any web page can make a visitor's browser send requests
// to this service, from the visitor's place in the network.

public import HTTPWire

/// The requests that browsers may send. Requests of other programs are never refused here.
public struct BrowserPolicy: Sendable {
    /// The host names that browsers may use, in lower case, besides those of the loopback
    /// interface; nil: any name.
    private let hosts: Set<String>?

    /// `hosts` is for a service that only this machine reaches and that requires no key: a page
    /// whose own name resolves to 127.0.0.1 would have the same origin, and could read answers (DNS
    /// rebinding). Nil: every name is accepted.
    public init(hosts: Set<String>?) {
        self.hosts = hosts.map { Set($0.map { $0.lowercased() }) }
    }

    /// Nil: the request is not refused.
    public func refusal(
        of head: borrowing RequestHead, _ bytes: Span<UInt8>
    ) -> ProblemDetails? {
        guard head.hasBrowserMark else { return nil }
        if let hosts, !Self.isOwn(head.authority, in: bytes, hosts) { return .misdirected }
        return Self.isCrossSite(head, bytes) ? .crossSite : nil
    }

    // MARK: Names

    private static func isOwn(
        _ authority: Range<Int>?, in bytes: Span<UInt8>, _ hosts: Set<String>
    ) -> Bool {
        guard let authority else { return false }
        let name = host(authority, in: bytes)
        if bytes.matches("localhost", at: name) || isLoopback(name, in: bytes) { return true }
        return !hosts.isEmpty
            && hosts.contains(
                bytes.extracting(name).withUnsafeBufferPointer {
                    String(decoding: $0, as: UTF8.self).lowercased()
                })
    }

    /// An authority without its port.
    private static func host(_ authority: Range<Int>, in bytes: Span<UInt8>) -> Range<Int> {
        if let end = bytes.firstIndex(of: UInt8(ascii: "]"), in: authority) {
            return authority.lowerBound..<end + 1
        }
        let colon = bytes.firstIndex(of: UInt8(ascii: ":"), in: authority)
        return authority.lowerBound..<(colon ?? authority.upperBound)
    }

    /// Browsers send addresses in this form, whatever the user typed (WHATWG URL, host serializer).
    private static func isLoopback(_ name: Range<Int>, in bytes: Span<UInt8>) -> Bool {
        if bytes.equals("[::1]", at: name) { return true }
        guard name.count >= 4, bytes.equals("127.", at: name.lowerBound..<name.lowerBound + 4)
        else { return false }
        var numbers = 0
        var start = name.lowerBound
        while start <= name.upperBound {
            let point = bytes.firstIndex(of: UInt8(ascii: "."), in: start..<name.upperBound)
            guard isByte(start..<(point ?? name.upperBound), in: bytes) else { return false }
            numbers += 1
            guard let point else { break }
            start = point + 1
        }
        return numbers == 4
    }

    /// A decimal number up to 255.
    private static func isByte(_ digits: Range<Int>, in bytes: Span<UInt8>) -> Bool {
        guard (1...3).contains(digits.count) else { return false }
        var number = 0
        for index in digits {
            guard case let digit = Int(bytes[index]) - 0x30, (0...9).contains(digit) else {
                return false
            }
            number = number * 10 + digit
        }
        return number <= 255
    }

    // MARK: Sites

    /// A page of another site may link to this service, but may show nothing of it. Frames and
    /// plug-ins count as navigations, too, but need no click (Fetch Metadata 2.1, 2.2).
    private static func isCrossSite(
        _ head: borrowing RequestHead, _ bytes: Span<UInt8>
    ) -> Bool {
        guard let site = head.firstValue(of: "sec-fetch-site", in: bytes),
            bytes.equals("cross-site", at: site)
        else { return false }
        let mode = head.firstValue(of: "sec-fetch-mode", in: bytes)
        let destination = head.firstValue(of: "sec-fetch-dest", in: bytes)
        return !(mode.map { bytes.equals("navigate", at: $0) } ?? false)
            || !(destination.map { bytes.equals("document", at: $0) } ?? true)
    }
}
