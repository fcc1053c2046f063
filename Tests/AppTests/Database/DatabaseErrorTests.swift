import Ground
import Testing

@testable import App

@Suite struct DatabaseErrorTests {
  private func error(_ sqlstate: String?) -> DatabaseError { DatabaseError(.statement, "x", sqlstate: sqlstate) }

  @Test func `only an error that may pass is retryable`() {
    for sqlstate in ["08006", "40001", "40P01", "53300", "57P01", "57P03", "55P03", "25006"] {
      #expect(error(sqlstate).isRetryable, "\(sqlstate)")
    }
    for sqlstate in ["22021", "23505", "42P01", "57014", "55000", "XX000"] {
      #expect(!error(sqlstate).isRetryable, "\(sqlstate)")
    }
    #expect(!error(nil).isRetryable)
    #expect(DatabaseError(.connectionLost, "x").isRetryable)
    #expect(!DatabaseError(.shutDown, "x").isRetryable)
  }

  @Test func `a lost connection is recognised without a SQLSTATE`() {
    #expect(DatabaseError(.connectionLost, "x").isConnectionLoss)
    #expect(DatabaseError(.connectFailed, "x").isConnectionLoss)
    #expect(!error("57P01").isConnectionLoss)
  }
}

@Suite struct BatchFaultTests {
  private func fault(_ sqlstate: String?, _ kind: DatabaseError.Kind = .statement) -> DatabaseError.BatchFault {
    DatabaseError(kind, "x", sqlstate: sqlstate).batchFault
  }

  @Test func `an error that may pass is transient, and an unknown error is lasting`() {
    for sqlstate in ["08006", "40P01", "53100", "53400", "57014", "57P01", "58030", "25006", "55P03", nil] {
      #expect(fault(sqlstate) == .transient, "\(sqlstate ?? "none")")
    }
    #expect(fault("P0001", .connectionLost) == .transient)
    for sqlstate in [
      "08P01", "0A000", "22021", "22P03", "23502", "23514", "25P02", "42501", "42703", "42P01", "54000", "P0001",
      "XX001",
      "HV000", "ZZZZZ",
    ] {
      #expect(fault(sqlstate) == .lasting, "\(sqlstate)")
    }
    let missing = DatabaseError(.statement, "no partition of relation \"t\" found for row", sqlstate: "23514")
    #expect(missing.batchFault == .missingPartition)
  }

  @Test func `the line of a COPY is found among other lines of context`() {
    var error = DatabaseError(.statement, "x", sqlstate: "P0001")
    #expect(error.copyLine == nil)
    error.context = "PL/pgSQL function f() line 3 at RAISE\nCOPY disk_usage, line 17: \"x\""
    #expect(error.copyLine == 17)
  }
}

@Suite struct DatabaseAddressTests {
  @Test(arguments: [
    "postgresql://me:s3cret@db.example:5433/metrics",
    "host=db.example port=5433 user=me password=s3cret dbname=metrics",
  ])
  func `an address prints its user, host and database, but never its password`(_ text: String) throws {
    let address = try DatabaseAddress(text)
    #expect(address["password"] == "s3cret")
    #expect(address.description == "me@db.example:5433/metrics")
    var dumped = ""
    dump(DatabaseSettings(address: address), to: &dumped)
    #expect(!dumped.contains("s3cret"))
    #expect(!"\(DatabaseSettings(address: address))".contains("s3cret"))
  }

  @Test func `an error about a malformed connection string does not repeat it`() {
    #expect(throws: DatabaseAddress.Unusable.malformed) { try DatabaseAddress("password=s3cret nonsense") }
  }

  @Test func `a host name is resolved to an address, and a socket path is not`() throws {
    #expect(try DatabaseAddress("host=127.0.0.1").resolved()["hostaddr"] == "127.0.0.1")
    #expect(try DatabaseAddress("host=127.0.0.1").resolved()["host"] == "127.0.0.1")
    #expect(try DatabaseAddress("host=/run/postgresql").resolved()["hostaddr"] == nil)
    #expect(try DatabaseAddress("host=a.example hostaddr=192.0.2.1").resolved()["hostaddr"] == "192.0.2.1")
    #expect(throws: DatabaseAddress.Unusable.unknownHost("no such host")) {
      try DatabaseAddress("host='no such host'").resolved()
    }
  }
}

@Suite struct ReconnectBackoffTests {
  @Test func `the wait doubles up to the longest, varies down to a half, and restarts after a success`() {
    for seed in UInt64(0)..<50 {
      var generator = QuickRandom(seed: seed)
      var backoff = ReconnectBackoff()
      var nominal = ReconnectBackoff.shortest
      for _ in 0..<12 {
        let wait = backoff.failed(using: &generator)
        #expect(wait >= nominal * 0.5 && wait <= nominal)
        nominal = min(nominal * 2, ReconnectBackoff.longest)
      }
      #expect(nominal == ReconnectBackoff.longest)
      backoff.succeeded()
      #expect(backoff.failed(using: &generator) <= ReconnectBackoff.shortest)
    }
  }
}
