// GET /actions/{id} out of a dictionary on one event-loop thread: what a service written with
// Hummingbird 2 costs before it does anything else. No access log, no metrics.
//
// Usage: HummingbirdPeer PORT ID BODY_FILE

import Foundation
import Hummingbird
import Logging
import NIOCore
import NIOPosix

let arguments = CommandLine.arguments
guard arguments.count == 4, let port = Int(arguments[1]) else {
    fatalError("usage: HummingbirdPeer PORT ID BODY_FILE")
}
let body = ByteBuffer(bytes: try Data(contentsOf: URL(fileURLWithPath: arguments[3])))
let answers = [arguments[2]: body]

let router = Router()
router.get("/actions/{id}") { _, context -> Response in
    guard let body = answers[try context.parameters.require("id")] else {
        throw HTTPError(.notFound)
    }
    return Response(
        status: .ok, headers: [.contentType: "application/json"],
        body: ResponseBody(byteBuffer: body))
}

var logger = Logger(label: "hummingbird-peer")
logger.logLevel = .error
let app = Application(
    router: router,
    configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: port)),
    eventLoopGroupProvider: .shared(MultiThreadedEventLoopGroup(numberOfThreads: 1)),
    logger: logger)
try await app.runService()
