// The commands for collectors. They need access to the database, but no user account.

import ArgumentParser
import Ground
import Protocol

struct CollectorCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "collector", abstract: "Lets collectors enrol again.", subcommands: [Permit.self])

  struct Permit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Lets the next registration from a collector's host be this collector, once.",
      discussion: """
        For a host that lost its identity: it gets the same collector id, server and history. The permit ends after \
        `enrolment_permit_life`.
        """)
    @Argument(help: "The collector's id, as the refusal of the registration names it.") var id: String
    @Option(help: "libpq connection URL of the database.") var databaseUrl: String?
    @OptionGroup var options: SettingOptions

    func run() async throws {
      let settings = try options.read([("database_url", databaseUrl)])
      guard let id = UUID(id) else { throw ValidationError("\"\(id)\" is not a collector's id") }
      let life = settings.enrolmentPermitLife
      try await withDatabase(settings) { database in
        let end = try await database.transaction { session throws(DatabaseError) -> Timestamp? in
          let end = try await session.one(CollectorAdminStatements.permit, id, Double(life.wholeSeconds))?.value
          if end != nil {
            try await session.audit(
              AuditEvent(.permitEnrolment, by: AuditEvent.system, on: AuditEvent.collector(id)))
          }
          return end
        }
        guard let end else {
          throw ValidationError("there is no collector \(id), or its server is being removed")
        }
        print("The host of \(id) may enrol again until \(end.rfc3339).")
      }
    }
  }
}
