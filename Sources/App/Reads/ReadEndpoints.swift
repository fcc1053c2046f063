// The endpoints of the reads, derived from their declarations.

import Protocol

enum ReadEndpoints {
  /// Every read, in the order of the documentation.
  static let questions: [any Question.Type] = [
    FleetRead.self, FleetLoadRead.self, TopQueriesRead.self, OneQueryRead.self, OverviewRead.self, ConnectionsRead.self,
    LocksRead.self,
    ReplicationRead.self, VacuumRead.self, IndexesRead.self, SpaceRead.self, LogRead.self, ChangesRead.self,
  ]

  static var reads: [Read] { questions.map { $0.read } }

  /// - Parameters: `database` finds the server of the path; `queries` gives the rows.
  static func all(_ database: Database, queries: Database, _ storage: StorageKind) -> [Endpoint] {
    questions.map { endpoint($0, database, queries, storage) }
  }

  private static func endpoint<Asked: Question>(
    _: Asked.Type, _ database: Database, _ queries: Database, _ storage: StorageKind
  ) -> Endpoint {
    let read = Asked.read
    return Endpoint(
      .get, read.path, id: read.id, tag: .reads, access: .user(.viewer),
      reach: read.subject == .server ? .server : .selection, command: read.command, summary: read.summary,
      description: read.description, query: ReadQuery<Asked>.self, returns: HTTPResponse.self,
      answers: [ReadAnswer.declaration(read).or(StatementScript.declaration)],
      problems: read.subject == .fleet ? [] : [.notFound]
    ) { request, context async throws(Problem) -> HTTPResponse in
      let type = try request.head.negotiate(MetricFormat.allCases.map(\.type) + [.sql])
      if type == .sql { try StatementScript.admit(context) }
      var subject: Int64?
      switch read.subject {
      case .fleet: break
      case .server: subject = Int64(try await ServerEndpoints.server(request.path.integer("id"), database).id)
      case .statement:
        subject = Int64(request.path.text("text_id"))
        if subject == nil { throw Problem(.notFound, "there is no such statement") }
      }
      let run = ReadRun(
        read: read, queries: queries, storage: storage, subject: subject, parameters: request.query.parameters,
        format: MetricFormat(type) ?? .json, context: context)
      return type == .sql ? try await run.script() : try await run.answer()
    }
  }

  /// The statement of every section, for the test that prepares them.
  static func described(_ storage: StorageKind) -> [StatementDescription] {
    reads.flatMap { read in
      read.sections.map { section in
        let statement = ReadStatement(read, section, storage, order: nil, .init(limit: 1)).description
        return StatementDescription(
          name: "\(storage)_\(statement.name)", sql: statement.sql, parameterTypes: statement.parameterTypes,
          columns: [],
          isOpen: true)
      }
    }
  }
}
