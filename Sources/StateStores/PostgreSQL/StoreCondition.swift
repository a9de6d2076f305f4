// How a shared store is, told whenever it changes.

/// What operators and health checks want to know. The texts are for operators, free of secrets.
public enum StoreCondition: Sendable, Equatable {
    case well
    /// No operation can be carried out; it is being tried again.
    case away(String)
    /// It can be reached, but cannot vouch for its gates yet: no calls.
    case quarantined(String)
}
