// The address of the database and the user to connect as: libpq's connection string or URI (manual, "Connection
// Strings").

internal import CEpoll.Postgres
internal import Reactor

/// Connection parameters, including the password. No text that this type produces contains the password.
struct DatabaseAddress: Sendable, Hashable {
  struct Parameter: Sendable, Hashable {
    let keyword: String
    let value: String
  }

  enum Unusable: Error, Hashable, Sendable {
    /// Not a connection string. The error does not repeat the text, which may hold a password.
    case malformed
    /// A host name that does not resolve.
    case unknownHost(String)
  }

  private(set) var parameters: [Parameter]

  init(parameters: [Parameter]) { self.parameters = parameters }

  /// - Parameter text: `postgresql://user@host/name?sslmode=verify-full` or `host=/run/pg dbname=name`. Parameters that
  ///   it omits come from the environment (`PGHOST`, ...) and libpq's defaults.
  init(_ text: String) throws(Unusable) {
    guard let options = PQconninfoParse(text, nil) else { throw .malformed }
    defer { PQconninfoFree(options) }
    // Safety: PQconninfoParse returns an array whose last element has a null keyword.
    parameters = []
    var option = options
    while let keyword = option.pointee.keyword {
      if let value = option.pointee.val {
        parameters.append(Parameter(keyword: String(cString: keyword), value: String(cString: value)))
      }
      option += 1
    }
  }

  subscript(keyword: String) -> String? {
    get { parameters.last { $0.keyword == keyword }?.value }
    set {
      parameters.removeAll { $0.keyword == keyword }
      if let newValue { parameters.append(Parameter(keyword: keyword, value: newValue)) }
    }
  }

  /// The same address with every host name resolved into `hostaddr`. The names remain for certificate verification.
  /// libpq would resolve names while it connects, which blocks, so a connection on a loop must not have an unresolved
  /// name. The user is set for the same reason: libpq would ask the system for the user's name, which may query a
  /// directory service.
  ///
  /// Blocks. Call it at start-up or on a `WorkerPool`, never on a loop.
  func resolved() throws(Unusable) -> DatabaseAddress {
    var named = self
    if named["user"] == nil, let user = Self.defaultUser { named["user"] = user }
    return try named.withAddresses()
  }

  /// The user that libpq takes from PGUSER, a service file or the system.
  private static var defaultUser: String? {
    guard let options = PQconndefaults() else { return nil }
    defer { PQconninfoFree(options) }
    // Safety: as in `init`.
    var option = options
    while let keyword = option.pointee.keyword {
      if String(cString: keyword) == "user" { return option.pointee.val.map { String(cString: $0) } }
      option += 1
    }
    return nil
  }

  private func withAddresses() throws(Unusable) -> DatabaseAddress {
    guard self["hostaddr"] == nil, let hosts = self["host"] else { return self }
    let names = hosts.split(separator: ",", omittingEmptySubsequences: false)
    // A socket directory has no address. libpq does not accept a list with both directories and addresses.
    if names.contains(where: { $0.isEmpty || $0.hasPrefix("/") || $0.hasPrefix("@") }) { return self }
    var addresses: [String] = []
    for name in names {
      do throws(NameResolutionError) {
        addresses.append(try SocketAddress.resolve(host: String(name), port: 0)[0].ipString)
      } catch {
        throw .unknownHost(String(name))
      }
    }
    var copy = self
    copy["hostaddr"] = addresses.joined(separator: ",")
    return copy
  }
}

extension DatabaseAddress.Unusable: CustomStringConvertible {
  var description: String {
    switch self {
    case .malformed: "database_url is no connection URL of PostgreSQL, such as postgresql://USER@HOST/DATABASE."
    case .unknownHost(let name): "database_url names the host \(name), which does not resolve to an address."
    }
  }
}

extension DatabaseAddress: CustomStringConvertible, CustomReflectable {
  /// User, host, port and database, for a log. It contains no password.
  var description: String {
    "\(self["user"] ?? "-")@\(self["host"] ?? "-"):\(self["port"] ?? "5432")/\(self["dbname"] ?? "-")"
  }
  var customMirror: Mirror { Mirror(self, children: ["address": description]) }
}
