// Health answers: `application/health+json` (draft-inadarei-api-health-check-06).

public import HTTPWire
import StatusCore

/// The health of the process.
public enum HealthStatus: String, Sendable {
    case pass
    /// The process serves, but a dependency fails.
    case warn
    /// The process should get no traffic: it is starting or draining.
    case fail
}

/// The health of one dependency.
public struct HealthCheck: Sendable, Equatable {
    /// `component:measurement`.
    public var name: String
    public var status: HealthStatus
    public var output: String?

    public init(name: String, status: HealthStatus, output: String? = nil) {
        self.name = name
        self.status = status
        self.output = output
    }
}

public enum HealthWriter {
    public static func response(
        _ status: HealthStatus, version: String, output: String? = nil, checks: [HealthCheck] = []
    ) -> Response {
        var json = JSONWriter()
        json.beginObject()
        json.member("status", status.rawValue)
        json.member("version", version)
        json.member("releaseId", version)
        if let output { json.member("output", output) }
        if !checks.isEmpty { write(checks, into: &json) }
        json.endObject()
        let fields = [
            Field(name: "Content-Type", value: "application/health+json"),
            Field(name: "Cache-Control", value: "no-store"),
        ]
        return Response(status: status == .fail ? 503 : 200, fields: fields, body: json.bytes)
    }

    /// Adds the methods of the route to the answer to OPTIONS (RFC 9110 9.3.7).
    public static func answer(_ response: Response, to method: Method) -> Response {
        guard method == .options else { return response }
        var response = response
        response.fields.append(Field(name: "Allow", value: Router.allowed))
        return response
    }

    private static func write(_ checks: [HealthCheck], into json: inout JSONWriter) {
        json.name("checks")
        json.beginObject()
        for check in checks {
            json.name(check.name)
            json.beginArray()
            json.beginObject()
            json.member("status", check.status.rawValue)
            if let output = check.output { json.member("output", output) }
            json.endObject()
            json.endArray()
        }
        json.endObject()
    }
}
