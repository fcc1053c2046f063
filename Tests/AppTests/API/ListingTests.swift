import Protocol
import Testing

@testable import App

/// The parts that follow from the declaration of a list.
@Suite struct ListingTests {
  private struct Ship: SQLRow {
    let id: Int32
    let name: String

    init(from row: inout RowReader) throws(DatabaseError) {
      id = try row.read("id")
      name = try row.read("name")
    }
  }

  private enum ShipList: List {
    static let listing = Listing<Ship>(
      "ships", from: "ships s", settings: [ListSetting { Int64($0.loops) }],
      filters: [
        ListFilter("q", .string(1...9)) { "strpos(name, \($0)) > 0" },
        ListFilter("afloat", .flag) { "is_afloat = \($0)" },
        ListFilter(time: "since") { "at >= \($0)" },
      ],
      sorts: [
        ListSort("name", by: "lower(name)", String.self), ListSort("at", by: "at", Timestamp.self),
        ListSort("port", by: "port", String.self),
      ], default: "-at", last: "id")
  }

  private enum FixedList: List {
    static let listing = Listing<Ship>(
      "fixed", columns: "s.id, s.name", from: "ships s", filters: [ListFilter("q", .string(1...9)) { "name = \($0)" }],
      last: "id DESC")
  }

  @Test func `a page and the number of entries have the same conditions and parameters`() {
    let (page, count) = (ShipList.listing.page, ShipList.listing.count)
    let rows = """
      FROM ships s WHERE ($2::text IS NULL OR strpos(name, $2) > 0) AND ($3::bool IS NULL OR is_afloat = $3) \
      AND ($4::timestamptz IS NULL OR at >= $4)
      """
    #expect(count.sql == "SELECT count(*) \(rows)")
    #expect(count.parameterTypes == [.int8, .text, .bool, .timestamptz])
    #expect(page.sql.hasPrefix("SELECT id, name \(rows)\nORDER BY "))
    #expect(page.sql.hasSuffix(", id\nLIMIT $6 OFFSET $7"))
    #expect(page.parameterTypes == [.int8, .text, .bool, .timestamptz, .text, .int8, .int8])
    #expect(page.columns.map(\.name) == ["id", "name"])
    #expect((page.name, count.name) == ("ships_page", "ships_count"))
  }

  @Test func `an order of each type has a term for each direction, and empty values come last in both`() {
    #expect(
      ListSort.terms(
        [
          ListSort("name", by: "lower(name)", String.self), ListSort("at", by: "at", Timestamp.self),
          ListSort("port", by: "port", String.self),
        ], parameter: "$5") == [
          "CASE $5 WHEN 'name' THEN lower(name) WHEN 'port' THEN port END NULLS LAST",
          "CASE $5 WHEN '-name' THEN lower(name) WHEN '-port' THEN port END DESC NULLS LAST",
          "CASE $5 WHEN 'at' THEN at END NULLS LAST", "CASE $5 WHEN '-at' THEN at END DESC NULLS LAST",
        ])
  }

  @Test func `the query has the page, the filters in their order, and the orders with the default first`() throws {
    let parameters = ListQuery<ShipList>.parameters
    #expect(parameters.map(\.name) == ["page", "page_size", "q", "afloat", "since", "sort"])
    #expect(ShipList.listing.orders == ["-at", "name", "-name", "at", "port", "-port"])
    #expect(parameters.last?.schema.defaultValue == .string("-at"))
  }

  @Test func `a list with one order has no parameter for it`() {
    #expect(ListQuery<FixedList>.parameters.map(\.name) == ["page", "page_size", "q"])
    #expect(FixedList.listing.page.parameterTypes == [.text, .int8, .int8])
    #expect(
      FixedList.listing.page.sql == """
        SELECT s.id, s.name FROM ships s WHERE ($1::text IS NULL OR name = $1)
        ORDER BY id DESC
        LIMIT $2 OFFSET $3
        """)
  }

  @Test func `a filter's value is a parameter, and NULL if the request has none`() throws {
    func parameters(_ query: String) throws -> EncodedParameters {
      let target = try RequestTarget("/ships\(query)")
      let query = try ListQuery<ShipList>.decode(target)
      var parameters = EncodedParameters()
      for filter in query.filters { filter(context(now: Timestamp(unixSeconds: 100)), &parameters) }
      return parameters
    }
    #expect(try parameters("").ranges == [nil, nil, nil])
    var expected = EncodedParameters()
    expected.append(String?.none)
    expected.append(true)
    expected.append(Timestamp(unixSeconds: 40))
    #expect(try parameters("?afloat=true&since=60s") == expected)
    #expect(throws: Problem.self) { try parameters("?sort=depth") }
  }

  private enum RepeatedList: List {
    static let listing = Listing<Ship>(
      "repeated", from: "ships s",
      filters: [
        ListFilter(
          repeated: "port", .integer(1...9), most: 2, "", as: { Int32($0) }, where: { "port = ANY (\($0))" })
      ],
      last: "id")
  }

  @Test func `the values of a repeated filter are one array, and NULL if the request has none`() throws {
    func parameters(_ query: String) throws -> EncodedParameters {
      let query = try ListQuery<RepeatedList>.decode(try RequestTarget("/ships\(query)"))
      var parameters = EncodedParameters()
      for filter in query.filters { filter(context(now: Timestamp(unixSeconds: 100)), &parameters) }
      return parameters
    }
    #expect(RepeatedList.listing.count.sql.hasSuffix("($1::int4[] IS NULL OR port = ANY ($1))"))
    #expect(try parameters("").ranges == [nil])
    var expected = EncodedParameters()
    expected.append([Int32(7), 3])
    #expect(try parameters("?port=7&port=3") == expected)
    #expect(throws: Problem.self) { try parameters("?port=1&port=2&port=3") }
    #expect(throws: Problem.self) { try parameters("?port=1&port=ten") }
  }
}
