import HTTPWire
import StatusCore
import Testing

@testable import StatusAPI

@Suite struct HealthWriterTests {
    private func text(_ response: Response) -> String {
        String(decoding: response.body, as: UTF8.self)
    }

    @Test(arguments: [(.pass, 200), (.warn, 200), (.fail, 503)] as [(HealthStatus, Int)])
    func onlyFailTakesTheServiceOut(status: HealthStatus, code: Int) throws {
        let response = HealthWriter.response(status, version: "1.0.0")
        #expect(response.status == code)
        #expect(
            response.fields == [
                Field(name: "Content-Type", value: "application/health+json"),
                Field(name: "Cache-Control", value: "no-store"),
            ])
        #expect(text(response) == #"{"status":"\#(status.rawValue)","version":"1.0.0"}"#)
        for method in ["GET", "OPTIONS"] {
            try expectKept(response, method: method, path: "/readyz")
        }
    }

    @Test(arguments: ["/livez", "/healthz"])
    func liveProcessKeepsTheContract(path: String) throws {
        let response = HealthWriter.response(.pass, version: "1.0.0")
        for method in ["GET", "OPTIONS"] { try expectKept(response, method: method, path: path) }
    }

    @Test func checksAreToldByName() throws {
        let response = HealthWriter.response(
            .warn, version: "1.0.0", output: "One of two upstreams.",
            checks: [
                HealthCheck(name: "vouchers:calls", status: .warn, output: "The \"breaker\"."),
                HealthCheck(name: "store:writes", status: .pass),
            ])
        #expect(
            text(response)
                == #"{"status":"warn","version":"1.0.0","output":"One of two upstreams.","#
                + #""checks":{"vouchers:calls":[{"status":"warn","output":"The \"breaker\"."}],"#
                + #""store:writes":[{"status":"pass"}]}}"#)
        try expectKept(response, path: "/readyz")
    }
}
