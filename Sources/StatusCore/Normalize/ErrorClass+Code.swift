// From an error code to its kind of trouble.

extension ErrorClass {
    /// Codes that nobody has heard of yet are `other`.
    init(code: String) {
        self =
            switch code {
            case "INVALID_INPUT", "INVALID_PRODUCT_ID", "MISSING_CARRIER", "WAREHOUSE_ID_REQUIRED":
                .input
            case "DATA_NOT_FOUND", "WAREHOUSE_ID_NOT_FOUND":
                .notFound
            case "ORDER_IN_WRONG_STATE", "RETURN_IN_WRONG_STATE", "OUT_OF_STOCK",
                "ORDER_FULFILLED_BY_PARTNER", "PAYMENT_REQUIRED":
                .conflict
            case "ACTION_NOT_SUPPORTED", "CARRIER_NOT_SUPPORTED", "SYNCHRONIZATION_DEACTIVATED":
                .unsupported
            case "UNAVAILABLE", "UNEXPECTED":
                .unavailable
            case "TOO_MANY_REQUEST":
                .throttled
            default:
                .other
            }
    }
}
