import Protocol
import Testing

@testable import App

/// What `pganalytics db status` says.
@Suite struct DatabaseStatusTests {
  @Test(arguments: TestCluster.storageKinds)
  func `shows schema, tables and fleet of a database in use`(_ kind: StorageKind) async throws {
    let server = try await RunningServer.start(kind)
    let collector = try await server.enrol()
    #expect(
      try await collector.push(collector.push(of: [TestCollector.disk("/dev/a", used: 1)])).status == 200)
    let status = try await DatabaseStatus(server.database, storage: server.settings.storage)
    #expect(status.storage == kind)
    #expect(status.fleet.enrolled == 1 && status.fleet.revoked == 0 && status.fleet.deadLetters == 0)
    #expect(status.migrations.allSatisfy { $0.appliedAt != nil })
    let disks = try #require(status.tables.first { $0.name == "metrics.disk_usage" })
    #expect(disks.partitions >= 1 && disks.bytes > 0 && disks.compressed == 0)
    let (oldest, newest) = (try #require(disks.oldest), try #require(disks.newest))
    #expect(oldest < newest)
    let ledger = try #require(status.tables.first { $0.name == "pganalytics.push_ledger" })
    #expect(ledger.partitions >= Int64(server.settings.partitionsAhead))
    let text = status.text()
    for part in ["up to date", "1 enrolled", "metrics.disk_usage", "dead letters 0"] {
      #expect(text.contains(part), "\(part) is not in \(text)")
    }
    await server.stop()
  }

  @Test func `says of an empty database what is to be done`() async throws {
    let database = try Database.start(try await TestCluster.shared.get().makeDatabase())
    defer { database.shutDown() }
    await #expect(throws: Storage.Unusable.self) { try await DatabaseStatus(database, storage: StorageSettings()) }
  }
}
