// Tests which URLs libpq accepts, and that none is shown with its secrets.

import TestSupport
import Testing

@testable import StateStores

@Suite("Connection URLs are libpq's, and their secrets stay hidden")
struct PostgresURLTests {
    @Test(arguments: [
        ("postgresql://localhost", "postgresql://localhost"),
        ("postgres://u@h/d", "postgresql://u@h/d"),
        ("postgresql://u:hush@h:5433/d", "postgresql://u:[secret]@h:5433/d"),
        ("postgresql://u:hu%40sh@h/d", "postgresql://u:[secret]@h/d"),
        (
            "postgresql://u:hush@a:1,b:2/d?target_session_attrs=any",
            "postgresql://u:[secret]@a:1,b:2/d?target_session_attrs=any"
        ),
        ("postgresql://u@[::1]:5433/d", "postgresql://u@[::1]:5433/d"),
        ("postgresql://h/d?user=u&password=hush", "postgresql://u:[secret]@h/d"),
        ("postgresql://h/d?password=hush", "postgresql://h/d?password=[secret]"),
        (
            "postgresql://h/d?sslmode=verify-full&sslpassword=hush",
            "postgresql://h/d?sslmode=verify-full&sslpassword=[secret]"
        ),
    ])
    func urlIsShownWithoutSecrets(text: String, shown: String) throws {
        let url = try PostgresURL(text)
        expectEqual(url.shown, shown)
        #expect(!url.shown.contains("hush") && !url.shown.contains("hu@sh"))
    }

    @Test(arguments: [
        "", "postgresql:", "mysql://h/d", "postgresql://u:hush@[h/d", "postgresql://h/d?hush=1",
        "host=h password=hush",
    ])
    func otherTextIsRefusedWithoutRepeatingIt(text: String) {
        let failure = #expect(throws: PostgresURL.Failure.self) { try PostgresURL(text) }
        expectEqual(failure?.problem.contains("hush"), false)
    }

    @Test(arguments: [
        ("sslmode=bogus", #"invalid sslmode value: "bogus""#),
        ("target_session_attrs=primry", "target_session_attrs"),
        ("gssencmode=maybe", "gssencmode"), ("channel_binding=x", "channel_binding"),
        ("ssl_min_protocol_version=TLSv9", "ssl_min_protocol_version"),
        ("connect_timeout=3s", "connect_timeout '3s'"), ("keepalives_idle=x", "keepalives_idle"),
        ("tcp_user_timeout=", "tcp_user_timeout"), ("port=0", "port '0'"),
        ("port=70000", "port '70000'"), ("port=1,2", "port has 2 numbers for 1 hosts"),
        ("sslrootcert=/nowhere/ca.pem", "sslrootcert /nowhere"),
        ("sslcert=/nowhere/a", "No such file"), ("sslkey=/nowhere/a", "sslkey"),
        ("sslcrl=/nowhere/a", "sslcrl"),
    ])
    func unusableParameterIsRefusedByName(query: String, words: String) {
        let failure = #expect(throws: PostgresURL.Failure.self) {
            try PostgresURL("postgresql://u:hush@h/d?\(query)")
        }
        expectEqual(failure?.problem.contains(words), true, "\(failure?.problem ?? "")")
        expectEqual(failure?.problem.contains("hush"), false)
    }

    @Test(arguments: [
        "sslmode=disable", "sslmode=verify-full&sslrootcert=/etc/hosts", "connect_timeout=10",
        "target_session_attrs=prefer-standby", "application_name=x&options=-c%20geqo%3Doff",
        "keepalives=0&keepalives_idle=1", "channel_binding=require", "gssencmode=disable",
        "sslkey=engine:key", "port=5432",
    ])
    func usableParametersAreAccepted(query: String) {
        #expect(throws: Never.self) { try PostgresURL("postgresql://u:hush@h/d?\(query)") }
        #expect(throws: Never.self) { try PostgresURL("postgresql://u@a:1,b:2,c/d?\(query)") }
    }

    @Test func secretsAreRemovedFromMessages() throws {
        let url = try PostgresURL("postgresql://u:hush@h/d?sslpassword=quiet")
        expectEqual(url.hideSecrets(in: "no: hush, quiet!"), "no: [secret], [secret]!")
    }
}
