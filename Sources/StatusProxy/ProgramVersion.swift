// The version: the one place that has it. What else names it is held to it by a test.

enum ProgramVersion {
    static let text = "1.0.0"
}
