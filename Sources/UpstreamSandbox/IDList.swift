// The documented ids, for people: as text for `--help`, as JSON for `/sandbox/ids`.

import StatusCore

enum IDList {
    /// Fits a terminal of 80 columns.
    static func text() -> String {
        API.allCases.map { source in
            let scenes = Stage.scenes.filter { $0.source == source }
            let families = SceneFamily.summaries.filter { $0.source == source }
            let lines =
                scenes.map { line($0.id, $0.summary) }
                + families.map { line($0.form, $0.summary) }
            return "\(source.rawValue):\n" + lines.joined(separator: "\n")
        }.joined(separator: "\n") + "\nAny other id is a real 404."
    }

    /// The summary in a column beside the id.
    private static func line(_ id: String, _ summary: String) -> String {
        let margin = String(repeating: " ", count: 40)
        var lines = ["  " + id + String(repeating: " ", count: max(1, 36 - id.count))]
        for word in summary.split(separator: " ") {
            let last = lines.count - 1
            if lines[last].count + 1 + word.count < 80 {
                lines[last] += " " + word
            } else {
                lines.append(margin + word)
            }
        }
        return lines.joined(separator: "\n")
    }

    static func json() -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.name("ids")
        json.beginArray()
        for scene in Stage.scenes {
            json.beginObject()
            json.member("source", scene.source.rawValue)
            json.member("id", scene.id)
            json.member("summary", scene.summary)
            json.endObject()
        }
        json.endArray()
        json.name("families")
        json.beginArray()
        for family in SceneFamily.summaries {
            json.beginObject()
            json.member("source", family.source.rawValue)
            json.member("form", family.form)
            json.member("summary", family.summary)
            json.endObject()
        }
        json.endArray()
        json.endObject()
        return json.bytes
    }
}
