// Variables of Kubernetes that look like settings.

/// The variables that Kubernetes adds to every container's environment for each Service of the
/// namespace: for a Service named `orders`, `ORDERS_SERVICE_HOST`, `ORDERS_PORT=tcp://…`,
/// `ORDERS_PORT_80_TCP_ADDR` and more ("Accessing the Service", environment variables; Docker's
/// links have the same form).
enum ServiceLink {
    static func isOne(_ name: String, _ text: String) -> Bool {
        name.contains(/_SERVICE_(HOST|PORT)$|_SERVICE_PORT_|_PORT_[0-9]+_(TCP|UDP|SCTP)/)
            || name.hasSuffix("_PORT") && text.contains(/^(tcp|udp|sctp):\/\//)
    }
}
