import HTTPWire
import StatusCore
import TestSupport
import Testing

@testable import StatusAPI

@Suite struct HealthWriterTests {
    private func text(_ response: Response) -> String {
        String(decoding: response.body, as: UTF8.self)
    }

    @Test(arguments: [(.pass, 200), (.warn, 200), (.fail, 503)] as [(HealthStatus, Int)])
    func onlyFailTakesTheServiceOut(status: HealthStatus, code: Int) throws {
        let response = HealthWriter.response(status, version: "1.0.0")
        expectEqual(response.status, code)
        expectEqual(
            response.fields,
            [
                Field(name: "Content-Type", value: "application/health+json"),
                Field(name: "Cache-Control", value: "no-store"),
            ])
        expectEqual(
            text(response),
            #"{"status":"\#(status.rawValue)","version":"1.0.0","releaseId":"1.0.0"}"#)
        try expectKept(response, path: "/readyz")
    }

    @Test(arguments: ["/livez", "/healthz"])
    func liveProcessKeepsTheContract(path: String) throws {
        let response = HealthWriter.response(.pass, version: "1.0.0")
        try expectKept(response, path: path)
    }

    @Test(
        arguments: [HealthStatus.pass, .warn, .fail], [HTTPWire.Method.get, .head, .options])
    func onlyOptionsGetsTheMethods(status: HealthStatus, method: HTTPWire.Method) throws {
        let response = HealthWriter.answer(
            HealthWriter.response(status, version: "1.0.0"), to: method)
        let allow = response.fields.filter { $0.name == "Allow" }.map(\.value)
        expectEqual(allow, method == .options ? ["GET, HEAD, OPTIONS"] : [])
        guard method != .head else { return }
        try expectKept(response, method: method.rawValue, path: "/readyz")
    }

    @Test func checksAreListedByName() throws {
        let response = HealthWriter.response(
            .warn, version: "1.0.0", output: "One of two upstreams.",
            checks: [
                HealthCheck(name: "vouchers:calls", status: .warn, output: "The \"breaker\"."),
                HealthCheck(name: "store:writes", status: .pass),
            ])
        expectEqual(
            text(response),
            #"{"status":"warn","version":"1.0.0","releaseId":"1.0.0","output":"One of two upstreams.","#
                + #""checks":{"vouchers:calls":[{"status":"warn","output":"The \"breaker\"."}],"#
                + #""store:writes":[{"status":"pass"}]}}"#)
        try expectKept(response, path: "/readyz")
    }
}
