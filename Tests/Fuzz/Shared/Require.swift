// How a property is held: what is not so ends the process, and the fuzzer keeps the input.

/// Ends the process unless `condition` holds.
func require(
    _ condition: Bool, _ property: @autoclosure () -> String, line: UInt = #line
) {
    guard !condition else { return }
    fatalError("line \(line): not so: " + property())
}

/// The fuzzer's bytes as an array of their own, so that no slack hides a read past their end.
func copied(_ start: UnsafePointer<UInt8>?, _ count: Int) -> [UInt8] {
    Array(UnsafeBufferPointer(start: start, count: count))
}
