// The kind of any other API: a description file defines how it is called and read.

extension SourceKind {
    public static let json = SourceKind(
        name: "json", credentials: CredentialForms(token: true, tokenField: true, areOptional: true)
    )
}
