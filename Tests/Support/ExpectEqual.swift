// Two thirds of all that tests expect is equality. A call of this function compiles in a fraction of the time
// of an expansion of `#expect`, of which Swift 6.3 needs some 15 ms for each.

public import Testing

/// Records an issue, which shows both values, unless they are equal.
public func expectEqual<Value: Equatable>(
    _ actual: Value, _ expected: Value, _ comment: @autoclosure () -> Comment? = nil,
    fileID: String = #fileID, filePath: String = #filePath, line: Int = #line, column: Int = #column
) {
    if actual == expected { return }
    let values =
        "\(String(describingForTest: actual)) is not equal to \(String(describingForTest: expected))"
    Issue.record(
        Comment(rawValue: [values, comment()?.rawValue].compactMap { $0 }.joined(separator: ": ")),
        sourceLocation: SourceLocation(
            fileID: fileID, filePath: filePath, line: line, column: column))
}
