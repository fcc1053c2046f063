/// The names that a server certificate must contain, derived from where the server listens.
struct ServerNames {
  let dns: [String]
  let addresses: [String]
}
