// Recognises local causes of failed connects: libcurl's code and errno come in, the errno of the
// exhausted resource goes out, if there was one.

internal import CCurl
internal import Glibc

/// Exhausted resources of this process or its machine, which are no failures of the upstream.
///
/// libcurl 7.88.1 keeps the errno of `connect`, but neither that of `socket` nor the cause of a
/// failed name look-up or certificate read. So ``CurlTransfer`` opens the sockets, and after the
/// other two failures it is tested whether descriptors are available. A look-up for which no thread
/// can be started is not recognised, and counts as a failed connect.
enum ResourceExhaustion {
    /// For descriptors, memory and local ports. `connect` also reports EADDRNOTAVAIL for an address
    /// family that the machine does not have, which is no failure of the upstream either.
    static let errors: Set<Int32> = [EMFILE, ENFILE, ENOMEM, ENOBUFS, EADDRNOTAVAIL]

    /// More than a look-up or a handshake opens at a time: libcurl's pair of sockets for the
    /// resolver's thread, and the resolver's own file and socket; or a connection and a file.
    static let descriptorsNeeded = 8

    /// The errno of the exhaustion that explains a failure before the send; nil if there was none.
    static func explaining(
        _ code: CURLcode, systemError: Int32, probe: () -> Int32? = probe
    ) -> Int32? {
        switch code {
        case CURLE_COULDNT_CONNECT: errors.contains(systemError) ? systemError : nil
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY, CURLE_SSL_CACERT_BADFILE,
            CURLE_PEER_FAILED_VERIFICATION:
            probe()
        default: nil
        }
    }

    /// The errno if the needed number of sockets cannot be opened; nil if it can. The failed
    /// transfer's descriptors are closed by now, so one free descriptor does not mean that there
    /// was one before.
    static func probe() -> Int32? {
        var opened: [Int32] = []
        defer { for socket in opened { _ = close(socket) } }
        while opened.count < descriptorsNeeded {
            let socket = open(family: AF_UNIX, type: Int32(SOCK_STREAM.rawValue), protocol: 0)
            guard socket >= 0 else { return errno }
            opened.append(socket)
        }
        return nil
    }

    /// Negative on failure; errno has the cause.
    static func open(family: Int32, type: Int32, protocol number: Int32) -> Int32 {
        socket(family, type | Int32(SOCK_CLOEXEC.rawValue), number)
    }
}
