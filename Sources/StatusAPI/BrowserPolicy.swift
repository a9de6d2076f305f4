// Which requests of browsers are refused: any web page can make its reader's browser send requests to
// this service, from the reader's place in the network.

public import HTTPWire

/// What browsers may ask for. Requests of other programs are never refused here.
public struct BrowserPolicy: Sendable {
    /// The names by which browsers may ask, in lower case, besides those of the loopback interface;
    /// nil: any name.
    private let hosts: Set<String>?

    /// `hosts` is for a service that only this machine reaches and that asks for no key: a page whose
    /// own name resolves to 127.0.0.1 would be of the same origin, and could read it (DNS rebinding).
    /// Nil: every name is taken.
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
        let name = host(text(authority, in: bytes)).lowercased()
        return name == "localhost" || isLoopback(name) || hosts.contains(name)
    }

    /// An authority without its port.
    private static func host(_ authority: String) -> Substring {
        if let end = authority.firstIndex(of: "]") { return authority[...end] }
        return authority.prefix { $0 != ":" }
    }

    /// Browsers write addresses in this form, whatever their reader typed (WHATWG URL, host serializer).
    private static func isLoopback(_ name: String) -> Bool {
        if name == "[::1]" { return true }
        let numbers = name.split(separator: ".", omittingEmptySubsequences: false)
        return numbers.count == 4 && numbers[0] == "127"
            && numbers.allSatisfy { UInt8($0) != nil }
    }

    // MARK: Sites

    /// A page of another site may be left for this service, and may show nothing of it. Frames and
    /// plug-ins count as navigations, too, but need nobody's click (Fetch Metadata 2.1, 2.2).
    private static func isCrossSite(
        _ head: borrowing RequestHead, _ bytes: Span<UInt8>
    ) -> Bool {
        guard value(of: "sec-fetch-site", head, bytes) == "cross-site" else { return false }
        let destination = value(of: "sec-fetch-dest", head, bytes) ?? "document"
        return value(of: "sec-fetch-mode", head, bytes) != "navigate" || destination != "document"
    }

    private static func value(
        of name: StaticString, _ head: borrowing RequestHead, _ bytes: Span<UInt8>
    ) -> String? {
        head.firstValue(of: name, in: bytes).map { text($0, in: bytes) }
    }

    private static func text(_ range: Range<Int>, in bytes: Span<UInt8>) -> String {
        bytes.extracting(range).withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
    }
}
