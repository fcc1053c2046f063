// The commands for the keys that sign tokens. Keys rotate automatically; these commands are for operators who cannot
// wait.

import ArgumentParser
import Protocol

struct SigningKeyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "key", abstract: "Shows the keys that sign tokens, and rotates them.",
    discussion: """
      A key is replaced automatically when it is `signing_key_life` old. The old key verifies as long as its tokens are \
      in use, so that nobody has to log in or enrol again.
      """,
    subcommands: [List.self, Rotate.self, Retire.self], defaultSubcommand: List.self)

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Lists the keys that verify, the newest first.")
    @Option(help: "libpq connection URL of the database.") var databaseUrl: String?
    @OptionGroup var options: SettingOptions

    func run() async throws {
      let settings = try options.read([("database_url", databaseUrl)])
      try await withDatabase(settings) { database in
        for key in try await database.rows(SigningKeyStatements.list) {
          let end = key.retiredAt.map { ", verifies until \($0.rfc3339)" } ?? ""
          print("\(key.kid)  made \(key.createdAt.rfc3339), signs from \(key.signsFrom.rfc3339)\(end)")
        }
      }
    }
  }

  struct Rotate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Makes a key that signs after `signing_key_lead`. Older keys verify while their tokens are in use.")
    @Option(help: "libpq connection URL of the database.") var databaseUrl: String?
    @OptionGroup var options: SettingOptions

    func run() async throws {
      let settings = try options.read([("database_url", databaseUrl)])
      try await withDatabase(settings) { database in
        let kid = try await database.transaction { session throws(DatabaseError) in
          try await SigningKeyStore(database: session).add(
            lead: settings.signingKeyLead, overlap: settings.signingKeyOverlap)
        }
        print("\(kid) signs in \(SettingValue.print(time: settings.signingKeyLead)).")
      }
    }
  }

  struct Retire: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Ends a key now: every token it signed is refused.",
      discussion: """
        For a key that an attacker may know. Rotate first and wait for `collector_token_life`, so that collectors get \
        tokens of the new key: a collector without one has to enrol again. Users have to log in again.
        """)
    @Argument(help: "The key's id, as `key list` shows it.") var kid: String
    @Option(help: "libpq connection URL of the database.") var databaseUrl: String?
    @OptionGroup var options: SettingOptions

    func run() async throws {
      let settings = try options.read([("database_url", databaseUrl)])
      try await withDatabase(settings) { database in
        let isRetired = try await database.transaction { session throws(DatabaseError) -> Bool in
          guard try await session.one(SigningKeyStatements.retire, kid) != nil else { return false }
          try await session.audit(
            AuditEvent(.retireSigningKey, by: AuditEvent.system, on: AuditEvent.signingKey(kid)))
          return true
        }
        guard isRetired else {
          throw CommandFailure("There is no such key, or no other one that signs: run `pganalytics key rotate` first.")
        }
      }
      print("\(kid) is retired.")
    }
  }
}
