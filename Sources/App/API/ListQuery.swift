// The endpoint of a list, derived from its `Listing`.

import Protocol

/// A list with an endpoint.
protocol List: Sendable {
  associatedtype Row: SQLRow
  static var listing: Listing<Row> { get }
}

/// The query parameters of a list.
struct ListQuery<Listed: List>: QueryParameters {
  let page: PageSelection
  let filters: [ListFilter.Append]
  /// The value of `sort`; nil for a list with one order.
  let order: String?

  init(from query: inout QueryReader) {
    let listing = Listed.listing
    page = PageSelection(from: &query)
    filters = listing.filters.map { $0.read(&query) }
    order = listing.orders.first.map { fallback in
      query.optional(
        "sort", .choice(of: listing.orders), default: fallback, .string(fallback),
        "`-` before a name: descending; without a value: last.")
    }
  }
}

/// The filters of a list as the query parameters of an endpoint that changes all entries they select.
struct ListFilters<Listed: List>: QueryParameters {
  let values: [ListFilter.Append]

  init(from query: inout QueryReader) { values = Listed.listing.filters.map { $0.read(&query) } }
}

extension Endpoint {
  /// The endpoint of a list.
  /// - Parameter item: converts a row into the entry that the API shows.
  convenience init<Listed: List, Item: ResponseBody>(
    list: Listed.Type, _ path: PathPattern, id: String, tag: Tag, access: Access,
    reach: TokenReach = .fleet, command: CommandRule = .derived, summary: String, description: String = "",
    from database: Database,
    _ item: @escaping @Sendable (Listed.Row) -> Item
  ) {
    self.init(
      .get, path, id: id, tag: tag, access: access, reach: reach, command: command, summary: summary,
      description: description,
      query: ListQuery<Listed>.self, returns: Page<Item>.self
    ) { request, context async throws(Problem) -> Page<Item> in
      let query = request.query
      let (rows, total) = try await database.query { database throws(DatabaseError) in
        try await Listed.listing.read(query.page, query.filters, by: query.order, context, from: database)
      }
      return Page(rows.map(item), of: total, query.page)
    }
  }
}
