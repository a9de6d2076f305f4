// One value for each upstream, in a fixed order: what a dictionary would be, without its hashing.

/// A value per ``Source``.
public struct PerSource<Value> {
    private var orders: Value
    private var vouchers: Value

    /// Makes each value from its source.
    public init(_ value: (Source) throws -> Value) rethrows {
        orders = try value(.orders)
        vouchers = try value(.vouchers)
    }

    public subscript(source: Source) -> Value {
        _read {
            switch source {
            case .orders: yield orders
            case .vouchers: yield vouchers
            }
        }
        _modify {
            switch source {
            case .orders: yield &orders
            case .vouchers: yield &vouchers
            }
        }
    }
}

extension PerSource: Sendable where Value: Sendable {}
extension PerSource: Equatable where Value: Equatable {}
