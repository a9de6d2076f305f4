// Whose failure a failed connect is: libcurl's code and errno come in, and out goes what we ourselves
// were short of, if we were.

internal import CCurl
internal import Glibc

/// Shortages of this process or its machine, which say nothing of the upstream.
///
/// libcurl 7.88.1 keeps the errno of `connect`, but neither that of `socket` nor why a name could
/// not be looked up or a certificate not be read. So sockets are opened by ``CurlTransfer``, and after
/// the other two it is tried whether there are descriptors.
/// Not told apart: a look-up for which no thread can be started, which counts as a failed connect.
enum ResourceExhaustion {
    /// Descriptors, memory, local ports. `connect` also says EADDRNOTAVAIL of an address of a family
    /// that the machine has none of, which is no fault of the upstream's either.
    static let errors: Set<Int32> = [EMFILE, ENFILE, ENOMEM, ENOBUFS, EADDRNOTAVAIL]

    /// More than a look-up or a handshake opens at one time: libcurl's pair of sockets for the
    /// resolver's thread, a file and a socket of the resolver's own; or a connection and a file.
    static let descriptorsNeeded = 8

    /// The errno of the shortage that explains a failure before the send; nil: there is none.
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

    /// Why not as many sockets can be had as are needed; nil: they can. What the failed transfer
    /// had is closed by now, so that one free descriptor does not mean that there was one.
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

    /// Negative: errno says why not.
    static func open(family: Int32, type: Int32, protocol number: Int32) -> Int32 {
        socket(family, type | Int32(SOCK_CLOEXEC.rawValue), number)
    }
}
