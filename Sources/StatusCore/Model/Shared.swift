// A value that many hold and nobody changes, kept once.

/// Holds a value for all who refer to it.
public final class Shared<Value: Sendable>: Sendable {
    public let value: Value

    public init(_ value: Value) { self.value = value }
}
