import Protocol
import Testing

@testable import App

/// The columns of a row type, as the type describes them without a row.
@Suite struct SQLRowTests {
  private enum Colour: String, CaseIterable { case red, green }

  private struct Everything: SQLRow {
    init(from row: inout RowReader) throws(DatabaseError) {
      _ = try row.read("a", Int32.self)
      _ = try row.read("b", Int64?.self)
      _ = try row.read("c", [String].self)
      _ = try row.read("d", [UInt8]?.self)
      _ = try row.word("e", Colour.self)
      _ = try row.read("f", Timestamp.self)
    }
  }

  @Test func `a row describes the columns that it reads: name, type and whether they may be NULL`() {
    #expect(
      Everything.describe() == [
        SQLColumn(name: "a", type: .int4, isNullable: false), SQLColumn(name: "b", type: .int8, isNullable: true),
        SQLColumn(name: "c", type: .textArray, isNullable: false), SQLColumn(name: "d", type: .bytea, isNullable: true),
        SQLColumn(name: "e", type: .text, isNullable: false),
        SQLColumn(name: "f", type: .timestamptz, isNullable: false),
      ])
    #expect(Everything.list(of: "t") == "t.a, t.b, t.c, t.d, t.e, t.f")
    #expect(NoRow.describe().isEmpty)
  }

  @Test func `a statement finds the differences of a result`() {
    let statement = Statement<Everything>("everything", "SELECT").description
    var found = Everything.describe()
    #expect(statement.mismatch(with: found) == nil)
    found[4] = SQLColumn(name: "e", type: .int4, isNullable: true)
    #expect(statement.mismatch(with: found) == "column e int4 instead of e text")
    found[4] = SQLColumn(name: "x", type: .text, isNullable: true)
    #expect(statement.mismatch(with: found) == "column x text instead of e text")
    #expect(statement.mismatch(with: Array(found.dropLast())) == "5 columns instead of 6")
    #expect(Statement<SingleValue<String>>("any", "").description.mismatch(with: [found[4]]) == nil)
  }
}
