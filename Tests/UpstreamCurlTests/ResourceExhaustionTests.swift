// Distinguishes the process's own resource exhaustion from the upstream's failures, with libcurl and
// real limits, each in its own process.

import CCurl
import Glibc
import StatusCore
import TestSupport
import Testing

@testable import UpstreamCurl

/// A client that has made a failed call: what Dispatch opens once is open, and no connection is left.
private func usedMulti() async throws -> CurlMulti {
    let multi = try CurlMulti()
    let client = CurlUpstreamClient(
        multi: multi, endpoint: try .test("http://127.0.0.1:\(unusedPort)"), clock: bootTime)
    await expectEqual(client.call(id()).failure?.kind, .connectFailed)
    return multi
}

@Suite(.blocking, .timeLimit(.minutes(1)))
struct ResourceExhaustionTests {
    @Test func noSocketForTheCallIsOurOwnFailure() async {
        await #expect(processExitsWith: .success) {
            let server = LoopbackServer { peer in
                _ = peer.request()
                peer.answer("200 OK", fields: "Connection: close\r\n", "{}")
            }
            let client = CurlUpstreamClient(
                multi: try CurlMulti(), endpoint: try .test(server.url), clock: bootTime)
            // What is opened once is open, and what was opened for this call is closed.
            await expectEqual(client.call(id()).reply?.status, 200)
            try await server.ended(1)
            let report = await withDescriptors(left: 0) { await client.call(id()) }
            expectEqual(report.failure?.kind, .outOfResources)
            expectEqual(report.failure?.detail.contains("errno 24: Too many open files"), true)
            #expect(report.sentAt == nil)
            await expectEqual(client.call(id()).reply?.status, 200)
        }
    }

    /// No descriptor for the resolver's thread; none for what the thread opens.
    @Test func noDescriptorForLookingUpTheNameIsOurOwnFailure() async {
        await #expect(processExitsWith: .success) {
            let client = CurlUpstreamClient(
                multi: try CurlMulti(), endpoint: try .test("http://nowhere.invalid"),
                clock: bootTime)
            await expectEqual(client.call(id()).failure?.kind, .connectFailed)
            for left in 0...4 {
                let failure = await withDescriptors(left: left) { await client.call(id()).failure }
                expectEqual(failure?.kind, .outOfResources)
                expectEqual(failure?.detail.contains("errno 24"), true)
            }
            await expectEqual(client.call(id()).failure?.kind, .connectFailed)
        }
    }

    @Test func noDescriptorForReadingTheCertificatesIsOurOwnFailure() async {
        await #expect(processExitsWith: .success) {
            let folder = try TestFolder()
            let certificate = try folder.makeCertificate("short")
            let server = try TLSServer(certificate)
            let client = CurlUpstreamClient(
                multi: try await usedMulti(), endpoint: try .test(server.url), clock: bootTime,
                trust: TrustAnchors(extraFile: certificate.file), limits: ResponseLimits())
            let failure = await withDescriptors(left: 1) { await client.call(id()).failure }
            expectEqual(failure?.kind, .outOfResources, "\(failure?.detail ?? "answered")")
            await expectEqual(client.call(id()).reply?.status, 200)
            withExtendedLifetime((server, folder)) {}
        }
    }

    @Test func refusedConnectionIsNoResourceExhaustion() async {
        await #expect(processExitsWith: .success) {
            let url = "http://127.0.0.1:\(unusedPort)"
            let client = CurlUpstreamClient(
                multi: try await usedMulti(), endpoint: try .test(url), clock: bootTime)
            let failure = await withDescriptors(left: 1) { await client.call(id()).failure }
            expectEqual(failure?.kind, .connectFailed)
            expectEqual(failure?.detail.contains("errno 111"), true)
        }
    }

    @Test func noDescriptorForFetchingATokenIsOurOwnFailure() async {
        await #expect(processExitsWith: .success) {
            let server = LoopbackServer { peer in
                while peer.request() != nil {
                    peer.answer("200 OK", #"{"token_type":"Bearer","access_token":"t"}"#)
                }
            }
            let clock = TestClock()
            let credentials = UpstreamCredentials.clientCredentials(
                ClientCredentials(
                    tokenURL: try UpstreamURL(server.url), clientID: "c",
                    clientSecret: Secret("s3cret")))
            let client = CurlUpstreamClient(
                multi: try await usedMulti(),
                endpoint: try .test(server.url, credentials: credentials), clock: clock.read)
            for _ in 1...10 {
                let fault = await withDescriptors(left: 0) { await client.prepare() }
                expectEqual(fault?.kind, .outOfResources)
                // The endpoint got no request, so the next attempt does not wait longer.
                clock.advance(.seconds(1))
            }
            #expect(await client.prepare() == nil)
        }
    }

    @Test(
        arguments: [
            (CURLE_COULDNT_CONNECT, EMFILE, EMFILE), (CURLE_COULDNT_CONNECT, ENFILE, ENFILE),
            (CURLE_COULDNT_CONNECT, ENOBUFS, ENOBUFS), (CURLE_COULDNT_CONNECT, ENOMEM, ENOMEM),
            (CURLE_COULDNT_CONNECT, EADDRNOTAVAIL, EADDRNOTAVAIL),
            (CURLE_COULDNT_CONNECT, ECONNREFUSED, nil), (CURLE_COULDNT_CONNECT, ENETUNREACH, nil),
            (CURLE_COULDNT_CONNECT, 0, nil), (CURLE_OPERATION_TIMEDOUT, EMFILE, nil),
            (CURLE_COULDNT_RESOLVE_HOST, 0, EMFILE), (CURLE_COULDNT_RESOLVE_PROXY, 0, EMFILE),
            (CURLE_SSL_CACERT_BADFILE, 0, EMFILE), (CURLE_PEER_FAILED_VERIFICATION, 0, EMFILE),
            (CURLE_SSL_CONNECT_ERROR, 0, nil),
        ] as [(CURLcode, Int32, Int32?)])
    func eachFailureHasItsErrnoOfExhaustion(code: CURLcode, systemError: Int32, expected: Int32?) {
        let found = ResourceExhaustion.explaining(code, systemError: systemError, probe: { EMFILE })
        expectEqual(found, expected)
        if systemError == 0 {
            #expect(ResourceExhaustion.explaining(code, systemError: 0, probe: { nil }) == nil)
        }
    }
}
