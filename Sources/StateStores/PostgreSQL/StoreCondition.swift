// The condition of a shared store, reported whenever it changes.

/// For operators and health checks. The texts are for operators, and contain no secrets.
public enum StoreCondition: Sendable, Equatable {
    case well
    /// No operation can be carried out; the store is being tried again.
    case away(String)
    /// The store can be reached, but cannot be sure of its gates yet: no calls.
    case quarantined(String)
}
