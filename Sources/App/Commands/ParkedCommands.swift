// `pganalytics db parked`: the commands for pushes that PostgreSQL refused because of their own rows.

import ArgumentParser
import Protocol

struct ParkedCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "parked",
    abstract: "Shows the pushes that PostgreSQL refused, stores them after all, or forgets them.",
    subcommands: [List.self, Retry.self, Drop.self], defaultSubcommand: List.self)

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Lists the parked pushes, the latest first, with why they were refused. Changes nothing.")
    @Option(help: "libpq connection URL of the database.") var databaseUrl: String?
    @OptionGroup var options: SettingOptions

    func run() async throws {
      try await withParkedPushes(options, databaseUrl) { parked in
        let all = try await parked.list()
        for push in all { print(push.text) }
        print("\(all.count) pushes are parked.")
      }
    }
  }

  struct Retry: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Stores parked pushes after the cause has been fixed.",
      discussion: "Each push is stored by itself. A push that is refused again stays parked, and the exit status is 1.")
    @OptionGroup var chosen: ChosenPushes
    @Option(help: "libpq connection URL of the database.") var databaseUrl: String?
    @OptionGroup var options: SettingOptions

    func run() async throws {
      try await withParkedPushes(options, databaseUrl) { parked in
        var failures = 0
        for id in try await chosen.ids(of: parked) {
          do throws(ParkedPushFailure) {
            print("\(id): \(try await parked.retry(id)) rows are stored.")
          } catch {
            failures += 1
            print("\(id) stays parked: \(error).")
          }
        }
        if failures > 0 { throw ExitCode.failure }
      }
    }
  }

  struct Drop: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Forgets parked pushes: their rows are lost.",
      discussion:
        "The ledger keeps their entries: if a collector sends such a push again, it counts as stored before.")
    @OptionGroup var chosen: ChosenPushes
    @Option(help: "libpq connection URL of the database.") var databaseUrl: String?
    @OptionGroup var options: SettingOptions

    func run() async throws {
      try await withParkedPushes(options, databaseUrl) { parked in
        var unknown = 0
        for id in try await chosen.ids(of: parked) {
          if try await parked.drop(id) {
            print("\(id) is dropped.")
          } else {
            unknown += 1
            print("\(ParkedPushFailure.unknown(id)).")
          }
        }
        if unknown > 0 { throw ExitCode.failure }
      }
    }
  }
}

struct ChosenPushes: ParsableArguments {
  @Argument(help: "Ids of pushes, as the list has them.") var ids: [String] = []
  @Flag(help: "All that are parked.") var all = false

  func validate() throws {
    if all == !ids.isEmpty { throw ValidationError("name pushes by their ids, or say --all") }
    for id in ids where UUID(id) == nil { throw ValidationError("\"\(id)\" is not the id of a push") }
  }

  func ids(of parked: ParkedPushes) async throws -> [UUID] {
    all ? try await parked.list().map(\.pushID) : ids.compactMap { UUID($0) }
  }
}

extension ParkedPushStatements.Parked {
  /// The push as some lines for a terminal.
  fileprivate var text: String {
    let who = collector.map { " (\($0))" } ?? ""
    let what = (sqlstate.map { "SQLSTATE \($0)" } ?? "refused") + (refusedTable.map { " at \($0)" } ?? "")
    return """
      \(pushID)  server \(serverID)\(who)  since \(since.rfc3339)  \(what)
          rows: \(tables.joined(separator: ", "))
          \(message)
      """
  }
}

private func withParkedPushes(
  _ options: SettingOptions, _ databaseURL: String?, _ body: (ParkedPushes) async throws -> Void
) async throws {
  let settings = try options.read([("database_url", databaseURL)])
  try await withDatabase(settings) { database in
    try await body(ParkedPushes(database: database, storage: settings.storage))
  }
}
