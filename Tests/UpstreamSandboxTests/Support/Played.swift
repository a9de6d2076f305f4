// A scene and its reaction at some instant.

import HTTPWire
import StatusCore
import Testing

@testable import UpstreamSandbox

struct Played: CustomTestStringConvertible, Sendable {
    let scene: Scene
    let reaction: Reaction

    init(_ scene: Scene, elapsed: Duration = .zero, look: Int = 1) {
        self.scene = scene
        reaction = scene.play(
            Moment(
                id: scene.id, created: WallTime(milliseconds: 1_793_520_000_000),
                elapsed: elapsed, look: look, pending: .seconds(90), slow: .seconds(5)))
    }

    var response: Response? {
        guard case .answer(let response) = reaction.deed else { return nil }
        return response
    }

    /// Variant and status; 0 for an id without system.
    var number: Int {
        let prefix = SceneID.of(scene.source, 0)
        let digits = scene.id.suffix(9)
        guard scene.id.count == prefix.count, scene.id.hasPrefix(prefix.dropLast(9)) else {
            return 0
        }
        return Int(digits) ?? 0
    }

    /// Behaves unlike its number at this upstream: known where it should not be.
    var isStray: Bool { scene.summary.contains("only") || scene.summary.contains("a UUID: orders") }

    var testDescription: String { "\(scene.source) \(scene.id): \(scene.summary)" }
}
