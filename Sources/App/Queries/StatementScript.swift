// The statements of an answer as a script, so that a person can run them in psql and change them.

import Protocol

/// Builds the script of one answer.
struct StatementScript {
  private let operation: String
  private var text = ""

  /// - Parameter operation: the id of the endpoint. The prepared statements begin with it.
  init(_ operation: String) { self.operation = operation }

  /// Whoever asks for a script has to have the role operator. - Throws: `.insufficientRole`
  static func admit(_ context: RequestContext) throws(Problem) {
    if try context.user().role < .operator {
      throw Problem(.insufficientRole, "the role operator is needed to see SQL")
    }
  }

  static let declaration = AnswerDeclaration(
    prose: "The statements with their present values, for psql (role operator).",
    contents: [.init(type: .sql, schema: .string, example: "PREPARE getFleet_data (int4[]) AS\nSELECT …;\n")])

  /// Appends a statement.
  /// - Parameters:
  ///   - title: what the statement gives, as one word.
  ///   - values: the parameters of `statement`.
  ///   - session: PostgreSQL writes the values as literals.
  mutating func append(
    _ title: String, _ statement: StatementDescription, _ values: EncodedParameters, _ session: DatabaseLease
  ) async throws(DatabaseError) {
    let types = statement.parameterTypes
    let literals = types.enumerated().map { "quote_nullable($\($0 + 1)::\($1)::text)" }.joined(separator: ", ")
    let sink = LiteralSink(count: types.count)
    try await session.stream(
      StatementDescription(
        name: "\(statement.name)_literals", sql: "SELECT \(literals)", parameterTypes: types, columns: [], isOpen: true),
      values, to: sink)
    let name = quotedIdentifier("\(operation)_\(title)")
    text += """
      -- \(title)
      PREPARE \(name) (\(types.map(\.description).joined(separator: ", "))) AS
      \(statement.sql);
      EXECUTE \(name) (\(sink.finish().joined(separator: ", ")));
      DEALLOCATE \(name);


      """
  }

  func response() -> HTTPResponse {
    HTTPResponse(
      status: .ok, fields: [HTTPField("Content-Type", "\(MediaType.sql); charset=utf-8")], body: Array(text.utf8))
  }
}

/// Collects the texts of one row.
private final class LiteralSink: RowSink {
  private let count: Int
  private nonisolated(unsafe) var literals: [String] = []  // Safety: `receive` and `finish` follow each other

  init(count: Int) { self.count = count }

  func receive(_ row: borrowing DatabaseRows) -> RowDemand {
    for column in 0..<count {
      literals.append(
        row.withValue(row: 0, column: column) { bytes in
          guard let bytes else { return "NULL" }
          return bytes.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
        })
    }
    return .more
  }

  func finish() -> [String] { literals }
}
