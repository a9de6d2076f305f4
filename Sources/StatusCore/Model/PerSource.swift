// One value for each configured source, in a fixed order: like a dictionary, but without hashing.

/// A value for each of a few sources.
public struct PerSource<Value> {
    /// In their fixed order.
    public let sources: [Source]
    private var values: [Value?]

    /// Makes each value from its source.
    public init(_ sources: [Source], _ value: (Source) throws -> Value) rethrows {
        self.init(sources: sources, values: try sources.map(value))
    }

    public init(_ pairs: [(Source, Value)]) {
        self.init(sources: pairs.map(\.0), values: pairs.map(\.1))
    }

    init(sources: [Source], values: [Value?]) {
        self.sources = sources
        self.values = values
    }

    /// The same sources, with other values.
    public func map<Other>(_ change: (Value) throws -> Other) rethrows -> PerSource<Other> {
        try PerSource<Other>(sources: sources, values: values.map { try $0.map(change) })
    }

    /// Nil for a source that is not configured; an assignment to it has no effect.
    public subscript(source: Source) -> Value? {
        get { sources.firstIndex(of: source).flatMap { values[$0] } }
        _modify {
            var none: Value?
            if let index = sources.firstIndex(of: source) {
                yield &values[index]
            } else {
                yield &none
            }
        }
    }
}

extension PerSource: Sendable where Value: Sendable {}
extension PerSource: Equatable where Value: Equatable {}
