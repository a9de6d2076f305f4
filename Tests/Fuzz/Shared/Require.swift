// Checks of properties: a violation ends the process, and the fuzzer keeps the input.

/// Ends the process unless `condition` holds.
func require(
    _ condition: Bool, _ property: @autoclosure () -> String, line: UInt = #line
) {
    guard !condition else { return }
    fatalError("line \(line): not so: " + property())
}

/// The fuzzer's bytes in their own array, so that no spare capacity hides a read past their end.
func copied(_ start: UnsafePointer<UInt8>?, _ count: Int) -> [UInt8] {
    Array(UnsafeBufferPointer(start: start, count: count))
}
