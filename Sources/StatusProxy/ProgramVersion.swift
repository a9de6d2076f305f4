// The program's version, in this place only; a test compares other files with it.

enum ProgramVersion {
    static let text = "1.0.0"
}
