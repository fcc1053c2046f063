// Adds two rows with one identity to one row. For example, the rows that several users have for one statement become
// the statement's row.

#if canImport(Glibc)
  import Glibc
#endif

/// The rule for each slot of a table whose equal rows are added up.
struct Addition: Sendable {
  enum Rule: Sendable { case first, sum, least, most, mean, deviation }

  private let rules: [Rule]
  /// The slot of the number of rows that were added up.
  let count: Int
  /// The slot of the number by which the mean is weighted.
  private let weight: Int
  private let mean: Int
  private let deviation: Int

  init(_ table: MetricTable, _ adding: MetricTable.AddingUp, _ slot: (String) -> Int) {
    count = slot(adding.count)
    weight = slot(adding.weight)
    mean = slot(adding.mean)
    deviation = slot(adding.deviation)
    rules =
      Array(repeating: .first, count: table.object.count)
      + table.columns.map { column in
        switch column.name {
        case adding.count: .sum
        case adding.mean: .mean
        case adding.deviation: .deviation
        case let name where adding.least.contains(name): .least
        case let name where adding.most.contains(name): .most
        default: column.meaning == .counter ? .sum : .first  // an open set of names
        }
      }
    precondition(
      table.columns.allSatisfy { $0.name != adding.weight || $0.kind == .int8 },
      "\(table.name): the weight of a mean must be an int8 column")
  }

  /// Replaces `row` by the sum of `first` and `row`. `first` is the earlier of the two. A value that one of them lacks
  /// is absent from the sum.
  func add(_ first: borrowing RowValues, to row: inout RowValues, _ keys: ArraySlice<RowKey>) {
    let moments = moments(first, row)
    for (slot, rule) in rules.enumerated() {
      let bit: UInt64 = 1 << UInt64(slot)
      let isInBoth = first.present & row.present & bit != 0
      let kind = keys[keys.startIndex + slot].kind
      switch rule {
      case .first:
        row.present = row.present & ~bit | first.present & bit
        guard first.present & bit != 0 else { continue }
        if kind == .text || kind == .object {
          row.setText(slot, first.text(slot, window: Span()))
        } else {
          row.slots[slot] = first.slots[slot]
        }
      case .sum, .least, .most:
        guard isInBoth else {
          row.present &= ~bit
          continue
        }
        if !combine(rule, kind, first.slots[slot], &row.slots[slot]) { row.drop(slot, .outOfRange) }
      case .mean: set(slot, moments?.mean, in: &row)
      case .deviation: set(slot, moments?.deviation, in: &row)
      }
    }
    first.extra.isEmpty ? row.setExtra(Span()) : row.setExtra(first.extra.span)
  }

  private func set(_ slot: Int, _ value: Double?, in row: inout RowValues) {
    let bit: UInt64 = 1 << UInt64(slot)
    row.present = value == nil ? row.present & ~bit : row.present | bit
    if let value { row.slots[slot].bits = value.bitPattern }
  }

  /// Replaces `second` by the sum, minimum or maximum of both.
  /// - Returns: false if the column cannot hold the result.
  private func combine(
    _ rule: Rule, _ kind: RowKey.Kind, _ first: RowValues.Slot, _ second: inout RowValues.Slot
  ) -> Bool {
    switch kind {
    case .float8:
      let (a, b) = (Double(bitPattern: first.bits), Double(bitPattern: second.bits))
      let result = rule == .sum ? a + b : rule == .least ? min(a, b) : max(a, b)
      second.bits = result.bitPattern
      return result.isFinite
    case .int8, .made:
      let (a, b) = (Int64(bitPattern: first.bits), Int64(bitPattern: second.bits))
      let (sum, isBeyond) = a.addingReportingOverflow(b)
      let result = rule == .sum ? sum : rule == .least ? min(a, b) : max(a, b)
      second.bits = UInt64(bitPattern: result)
      return rule != .sum || !isBeyond
    case .numeric:
      // Each number has at most 38 digits, so the sum fits an Int128.
      let (a, b) = (first.wide, second.wide)
      let result = rule == .sum ? a + b : rule == .least ? min(a, b) : max(a, b)
      second.wide = result
      return result.magnitude < RowValues.wideEnd
    case .bool, .text, .interned, .timestamp, .object: preconditionFailure("\(kind) has no sum")
    }
  }

  private typealias Moments = (mean: Double?, deviation: Double?)

  /// The mean and deviation of both populations together (Chan, Golub, LeVeque 1979). pg_stat_statements keeps the sum
  /// of squares around the mean, and prints sqrt(sum / calls).
  private func moments(_ first: borrowing RowValues, _ second: borrowing RowValues) -> Moments? {
    func value(_ row: borrowing RowValues, _ slot: Int) -> UInt64? {
      row.present & (1 << UInt64(slot)) == 0 ? nil : row.slots[slot].bits
    }
    func real(_ row: borrowing RowValues, _ slot: Int) -> Double? { value(row, slot).map { Double(bitPattern: $0) } }
    guard let n1 = value(first, weight).map({ Double(Int64(bitPattern: $0)) }),
      let n2 = value(second, weight).map({ Double(Int64(bitPattern: $0)) }),
      let mean1 = real(first, mean), let mean2 = real(second, mean), n1 >= 0, n2 >= 0
    else { return nil }
    let total = n1 + n2
    if total == 0 { return (mean1, real(first, deviation)) }
    let mean = (n1 / total) * mean1 + (n2 / total) * mean2
    guard mean.isFinite else { return nil }
    guard let deviation1 = real(first, deviation), let deviation2 = real(second, deviation) else { return (mean, nil) }
    let between = (n1 / total) * (n2 / total) * (mean1 - mean2) * (mean1 - mean2)
    let variance = (n1 / total) * deviation1 * deviation1 + (n2 / total) * deviation2 * deviation2 + between
    return (mean, variance.isFinite ? variance.squareRoot() : nil)
  }
}
