import StatusCore
import TestSupport
import Testing

@testable import UpstreamCurl

@Suite(.blocking, .timeLimit(.minutes(1)))
struct TrustTests {
    private func call(
        _ url: String, trust: TrustAnchors = TrustAnchors()
    ) async throws -> UpstreamCallReport {
        let multi = try CurlMulti()
        let client = CurlUpstreamClient(
            multi: multi, endpoint: try .test(url), clock: bootTime, trust: trust,
            limits: ResponseLimits())
        let report = await client.call(id())
        await multi.close()
        return report
    }

    @Test func unknownCertificateIsRefusedAndTheExtraFileTrusted() async throws {
        let folder = try TestFolder()
        let certificate = try folder.makeCertificate("own")
        let server = try TLSServer(certificate)
        let refused = try await call(server.url)
        let failure = try #require(refused.failure)
        expectEqual(failure.kind, .tlsFailed)
        #expect(failure.detail.hasPrefix("CURLE_PEER_FAILED_VERIFICATION (60)"))
        #expect(failure.detail.contains("self-signed certificate"))
        #expect(refused.sentAt == nil)
        let trusted = try await call(
            server.url, trust: TrustAnchors(extraFile: certificate.file))
        expectEqual(trusted.reply?.status, 200, "\(String(describing: trusted.failure))")
    }

    @Test func connectingVerifiesTheCertificateAndSendsNothing() async throws {
        let dataRecords = try await withHeldHandshakes(TestClock()) { client, _ in
            #expect(await client.connect() == nil)
            #expect(await client.connect() == nil)
        }
        expectEqual(dataRecords, [0, 0])
        let folder = try TestFolder()
        let server = try TLSServer(try folder.makeCertificate("own"))
        let multi = try CurlMulti()
        let client = CurlUpstreamClient(
            multi: multi, endpoint: try .test(server.url), clock: bootTime)
        await expectEqual(client.connect()?.kind, .tlsFailed)
        await multi.close()
    }

    @Test func systemsCertificatesAreTrustedBesidesTheExtraFile() async throws {
        let folder = try TestFolder()
        let system = try folder.makeCertificate("system")
        let extra = try folder.makeCertificate("extra")
        let trust = TrustAnchors(
            extraFile: extra.file, systemDirectory: try folder.makeTrustDirectory(system))
        for certificate in [system, extra] {
            let server = try TLSServer(certificate)
            let report = try await call(server.url, trust: trust)
            expectEqual(report.reply?.status, 200, "\(String(describing: report.failure))")
        }
    }

    @Test func certificateOfAnotherHostIsRefused() async throws {
        let folder = try TestFolder()
        let certificate = try folder.makeCertificate("other", address: "127.0.0.9")
        let server = try TLSServer(certificate)
        let report = try await call(
            server.url, trust: TrustAnchors(extraFile: certificate.file))
        expectEqual(report.failure?.kind, .tlsFailed)
        #expect(report.sentAt == nil)
    }

    @Test func brokenCertificateFileIsReported() async throws {
        let folder = try TestFolder()
        let server = try TLSServer(try folder.makeCertificate("own"))
        let report = try await call(
            server.url, trust: TrustAnchors(extraFile: "/dev/null"))
        expectEqual(report.failure?.kind, .tlsFailed)
    }

    @Test func httpURLNeverUsesTLS() async throws {
        let folder = try TestFolder()
        let server = try TLSServer(try folder.makeCertificate("own"))
        let report = try await call("http://127.0.0.1:\(server.port)")
        #expect(report.reply == nil)
    }

    @Test func httpsURLNeverUsesPlainHTTP() async throws {
        let server = LoopbackServer { peer in
            peer.answer("400 Bad Request", "")
            peer.awaitClose()
        }
        let report = try await call("https://127.0.0.1:\(server.port)")
        expectEqual(report.failure?.kind, .tlsFailed)
        #expect(report.sentAt == nil)
        await server.finish()
    }

    @Test func otherSchemeThanTheURLsIsRefused() async throws {
        let server = LoopbackServer { peer in
            while peer.request() != nil { peer.answer("200 OK", "{}") }
        }
        let multi = try CurlMulti()
        var request = CurlRequest.test(server.url)
        request.scheme = .https
        await expectEqual(multi.run(request).failure?.kind, .connectFailed)
        await multi.close()
        await server.finish()
        expectEqual(server.accepted, 0)
    }
}
