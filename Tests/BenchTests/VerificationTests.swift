import Protocol
import Testing

@testable import Bench

struct VerificationTests {
  private func tally(_ change: (inout Tally) -> Void = { _ in }) -> Tally {
    var tally = Tally()
    tally.acknowledged = 10
    tally.rows = 900
    tally.duplicates = 1
    tally.duplicateRows = 100
    change(&tally)
    return tally
  }

  private func isExact(_ pushes: Int, _ rows: [String: Int], _ tally: Tally) -> Bool {
    Verification(stored: StoredCounts(pushes: pushes, rows: rows), tally: tally).isExact
  }

  @Test func `stored rows and pushes must equal the acknowledged ones exactly`() {
    #expect(isExact(10, ["a": 400, "b": 600], tally()), "a duplicate's rows are those of its first try")
    #expect(!isExact(10, ["a": 999], tally()) && !isExact(10, ["a": 1001], tally()))
    #expect(!isExact(9, ["a": 1000], tally()) && !isExact(11, ["a": 1000], tally()))
  }

  @Test func `an unanswered push may be stored or not, and no further row may be`() {
    let uncertain = tally {
      $0.unacknowledged = 2
      $0.unacknowledgedRows = 200
    }
    #expect(isExact(10, ["a": 1000], uncertain) && isExact(12, ["a": 1200], uncertain))
    #expect(!isExact(12, ["a": 1201], uncertain) && !isExact(13, ["a": 1200], uncertain))
    #expect(!isExact(10, ["a": 999], uncertain))
  }

  @Test func `parked pushes are in no table and not among the stored pushes of the ledger`() {
    #expect(isExact(9, ["a": 1000], tally { $0.parked = 1 }))
  }

  @Test func `the counts of earlier runs are subtracted, table by table`() {
    let before = StoredCounts(pushes: 3, rows: ["a": 5, "b": 7])
    let after = StoredCounts(pushes: 8, rows: ["a": 15, "b": 7, "c": 1])
    #expect(after - before == StoredCounts(pushes: 5, rows: ["a": 10, "c": 1]))
    #expect((before - after).rows == ["a": -10, "c": -1], "a table that lost rows has a negative count")
  }
}
