/// The query parameter `server`.
enum ServerFilter {
  static let name = "server"
  /// How often the parameter may occur: as many of the longest ids fit a request target.
  static let most = 400
  static let prose = "Only this server, by its id. Repeated: each of them. An id without a server selects nothing."

  static var rule: FieldRule<Int> { .integer(1...Int(Int32.max)) }

  /// The filter of a list. - Parameter server: an SQL expression for the id of the entry's server.
  static func list(server: String) -> ListFilter {
    ListFilter(
      repeated: name, rule, most: most, prose, as: { Int32($0) }, where: { "\(server) = ANY (\($0))" })
  }
}
