// The directories and databases of tests of backups.

import Glibc
import Ground
import Protocol
import Synchronization
import Testing

@testable import App

/// A directory for the files of one test. It is removed with the value.
final class BackupWorkplace {
  let root: String

  init() throws { root = try LocalDirectory.makeUnique(prefix: "/tmp/pga-backup-") }

  deinit { do { try LocalDirectory.removeTree(root) } catch { Issue.record(error) } }

  func path(_ name: String) -> String { "\(root)/\(name)" }

  /// The options that name the database and the data directory of a server.
  func source(_ server: RunningServer) -> [String] { RestoredPlace(server.settings).arguments }

  /// An empty database, and a data directory that does not exist.
  func target(on cluster: TestCluster) async throws -> RestoredPlace {
    let address = try await cluster.makeDatabase().address
    return RestoredPlace(
      databaseURL: address.parameters.map { "\($0.keyword)='\($0.value)'" }.joined(separator: " "),
      dataDirectory: path("restored-\(UUID.random())"))
  }

  /// Waits for the end of a process. - Returns: its exit status; -1 if a signal ended it.
  func wait(for pid: pid_t) -> CInt {
    var status: CInt = 0
    while waitpid(pid, &status, 0) == -1 && errno == EINTR {}
    return status & 0x7F == 0 ? status >> 8 & 0xFF : -1
  }

  /// The files of a directory and of those in it.
  func files(below path: String) throws -> [String] {
    if FileStatus(of: path)?.isDirectory != true { return [path] }
    return try LocalDirectory.names(in: path).flatMap { try files(below: "\(path)/\($0)") }
  }

  /// The secret of a channel, opened with the key in the server's data directory.
  func secret(of channel: UUID, _ server: RunningServer) async throws -> String? {
    let channel = try #require(try await server.database.one(ChannelStatements.byID, channel))
    let target = try #require(ChannelTarget(stored: channel.target))
    return try ChannelSecrets(LiveSettings(server.settings)).secret(of: channel, target)
      .map { String(decoding: $0, as: UTF8.self) }
  }
}

/// A database and a data directory that belong together.
struct RestoredPlace {
  let databaseURL: String
  let dataDirectory: String

  init(databaseURL: String, dataDirectory: String) {
    self.databaseURL = databaseURL
    self.dataDirectory = dataDirectory
  }

  init(_ settings: Settings) { self.init(databaseURL: settings.databaseURL, dataDirectory: settings.dataDirectory) }

  var databaseArguments: [String] { ["--database-url", databaseURL] }
  var arguments: [String] { databaseArguments + ["--data-dir", dataDirectory] }

  func session() throws -> BlockingSession {
    try BlockingSession(DatabaseSettings(address: DatabaseAddress(databaseURL).resolved()))
  }

  func script(_ sql: String) throws { _ = try session().rows(sql) }

  /// Whether the database has nothing but what every new one has.
  func isEmpty() throws -> Bool {
    try session().rows(
      "SELECT FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname NOT IN ('public', 'information_schema')"
    ).isEmpty
  }
}

/// The pushes that a server has acknowledged.
final class Acknowledged: Sendable {
  private let list = Mutex<[[UInt8]]>([])

  var bodies: [[UInt8]] { list.withLock { $0 } }

  func add(_ body: [UInt8]) { list.withLock { $0.append(body) } }
}
