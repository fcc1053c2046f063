import CEpoll.Postgres
import Ground
import Testing

@testable import App

/// Checks every statement against the migrated schema, as sqlc does when it generates code.
@Suite struct StatementTests {
  @Test(arguments: TestCluster.storageKinds)
  func `every statement prepares with its declared types, columns and nullability`(_ kind: StorageKind) async throws {
    let cluster = try TestCluster.shared.get()
    let settings = try await cluster.makeDatabase()
    let database = try Database.start(settings)
    defer { database.shutDown() }
    var storage = Settings().storage
    storage.kind = kind
    _ = try await Migrator(database: database, storage: storage).migrate()
    let session = try #require(
      PQconnectdb("host=\(cluster.directory) user=postgres dbname=\(settings.address["dbname"]!)"))
    defer { PQfinish(session) }
    let extra: [StatementDescription] =
      switch kind {
      case .plain: []
      case .timescale: StatementList.timescale
      }
    for statement in StatementList.all + extra { try check(statement, session) }
  }

  /// A statement is declared as `Statement<…>("name", …)`.
  @Test func `every statement that the sources declare is checked`() throws {
    let listed = Set((StatementList.all + StatementList.timescale).map(\.name))
    var folders = ["\(#filePath)".split(separator: "/").dropLast(4).map { "/" + $0 }.joined() + "/Sources/App"]
    var declared = 0
    while let folder = folders.popLast() {
      for name in LocalDirectory.names(in: folder) {
        let path = "\(folder)/\(name)"
        if FileStatus(of: path)?.isDirectory == true { folders.append(path) }
        guard name.hasSuffix(".swift") else { continue }
        let text = String(decoding: try LocalFile.require(path), as: UTF8.self)
        for match in text.matches(of: /\bStatement<[^()]*>\(\s*"([a-z0-9_]+)"/) {
          declared += 1
          #expect(listed.contains(String(match.1)), "\(path): \(match.1) is in no list of its room")
        }
      }
    }
    #expect(declared > 100, "the declarations were found")
  }

  @Test func `every statement has a name of its own that PostgreSQL does not cut`() {
    let names = (StatementList.all + StatementList.timescale).map(\.name)
    #expect(Set(names).count == names.count)
    #expect(names.allSatisfy { $0.utf8.count < 64 })
  }

  private func check(_ statement: StatementDescription, _ session: OpaquePointer) throws {
    let prepared = PQprepare(session, statement.name, statement.sql, 0, nil)
    defer { PQclear(prepared) }
    try #require(
      PQresultStatus(prepared) == PGRES_COMMAND_OK, "\(statement.name): \(String(cString: PQerrorMessage(session)))")
    let described = PQdescribePrepared(session, statement.name)
    defer { PQclear(described) }
    let types = (0..<PQnparams(described)).map { SQLType(oid: PQparamtype(described, $0)) }
    #expect(types == statement.parameterTypes, "\(statement.name): parameters")
    if statement.isOpen { return }
    let columns = PQnfields(described)
    try #require(Int(columns) == statement.columns.count, "\(statement.name): number of columns")
    for (index, declared) in zip(0..<columns, statement.columns) {
      let name = String(cString: PQfname(described, index))
      if !declared.name.isEmpty { #expect(declared.name == name, "\(statement.name)") }
      #expect(declared.type == SQLType(oid: PQftype(described, index)), "\(statement.name): \(name)")
      let (table, number) = (PQftable(described, index), PQftablecol(described, index))
      if table != 0, number > 0, !declared.isNullable {
        let found = PQexec(
          session, "SELECT attnotnull FROM pg_attribute WHERE attrelid = \(table) AND attnum = \(number)")
        defer { PQclear(found) }
        #expect(String(cString: PQgetvalue(found, 0, 0)) == "t", "\(statement.name): \(name) may be NULL")
      }
    }
  }
}
