/// The query parameter `label`.
enum LabelFilter {
  static let name = "label"
  /// How often the parameter may occur.
  static let most = 32
  static let prose = """
    Only servers with this label: `key=value`, or `key=` for any value. Repeated: servers with all of them.
    """

  /// The SQL condition that a server has the labels that all terms name.
  /// - Parameters:
  ///   - server: an SQL expression for the id of the server, `int4`. The subquery does not depend on it, so PostgreSQL
  ///     finds the servers of the terms once per statement if `terms` is a parameter.
  ///   - terms: an SQL expression for the terms, `text[]`: each has the form of `LabelTerm.text`. NULL and an empty
  ///     array hold for no server, so the caller tests for them first.
  static func condition(server: String, terms: String) -> String {
    """
    \(server) IN (SELECT l.server_id FROM unnest(\(terms)) t (term)
      JOIN pganalytics.labels l ON l.name = split_part(t.term, '=', 1)
        AND t.term IN (l.name || '=', l.name || '=' || l.value)
      GROUP BY l.server_id HAVING count(*) = cardinality(\(terms)))
    """
  }

  /// The filter of a list. It adds the labels of the caller's API token. - Parameter server: an SQL expression for the id of the entry's server.
  static func list(server: String) -> ListFilter {
    ListFilter(
      repeated: name, .labelTerm, most: most, prose, as: { $0.text }, and: { $0.scope },
      where: { condition(server: server, terms: $0) })
  }
}
