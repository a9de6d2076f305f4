// Tests wait for a condition, with a deadline, on threads that may block.

import Testing

struct TestWaitTests {
    /// `Tests/Support` has the functions: `eventually` for a condition, `letPass` for time itself.
    @Test func noTestSleepsBesideTheHelpersForIt() {
        let calls = ["usleep(", "Task.sleep(", "Thread.sleep(", "nanosleep(", " sleep("]
        for file in House.tests where file.module != "Support" && file.module != "HouseTests" {
            for (index, line) in file.lines.enumerated() {
                let isSleep = calls.contains { line.utf8Contains($0) }
                #expect(!isSleep || isPace(file), "\(file.path):\(index + 1)")
            }
        }
    }

    /// Crowds send at a fixed pace.
    private func isPace(_ file: SourceFile) -> Bool {
        ["Pollers", "Traffic"].contains { file.path.hasSuffix("Support/\($0).swift") }
    }

    @Test func everySuiteThatDrivesProgramsHasThreadsThatMayBlock() {
        for file in House.tests where ["EndToEndTests", "SocketServerTests"].contains(file.module) {
            for (index, line) in file.lines.enumerated() where line.hasPrefix("@Suite") {
                let text = file.lines[index...].prefix(2).joined()
                #expect(text.utf8Contains(".blocking"), "\(file.path):\(index + 1)")
            }
        }
    }
}
