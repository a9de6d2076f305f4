// Reads a page of the documentation: its fenced blocks, and the commands of its examples.

/// One Markdown file of this project.
struct Page {
    struct Block {
        /// The nearest heading above it, without its number signs.
        var heading: String
        var language: String
        var lines: [String]
    }

    /// A command of a `console` block, after its `$ `, and the answer that the page shows.
    struct Example {
        var command: String
        var answer: [String]
    }

    let path: String
    let text: String
    let blocks: [Block]

    init(_ path: String) throws {
        self.path = path
        text = try Project.text(path)
        var blocks: [Block] = []
        var heading = ""
        var isInside = false
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
            if line.hasPrefix("```") {
                isInside.toggle()
                guard isInside else { continue }
                let language = String(line.dropFirst(3))
                blocks.append(Block(heading: heading, language: language, lines: []))
            } else if isInside {
                blocks[blocks.count - 1].lines.append(line)
            } else if line.hasPrefix("#") {
                heading = String(line.drop { $0 == "#" }.dropFirst())
            }
        }
        self.blocks = blocks
    }

    /// The first block of that language below a heading.
    func block(_ language: String, below heading: String) throws -> [String] {
        let block = blocks.first { $0.heading == heading && $0.language == language }
        guard let block else {
            throw Client.Failure(description: "\(path): no block of \(language) below \(heading)")
        }
        return block.lines
    }

    /// The commands that send requests to the service or the sandbox, in order.
    var examples: [Example] {
        var examples: [Example] = []
        for block in blocks where block.language == "console" {
            var isAnswer = false
            for line in block.lines {
                if line.hasPrefix("$ ") {
                    isAnswer = line.hasPrefix("$ curl ")
                    guard isAnswer else { continue }
                    examples.append(Example(command: String(line.dropFirst(2)), answer: []))
                } else if isAnswer {
                    examples[examples.count - 1].answer.append(line)
                }
            }
        }
        return examples
    }
}
