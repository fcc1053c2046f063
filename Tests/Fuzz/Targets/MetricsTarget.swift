import Protocol

/// Decodes the JSON of a push into COPY tuples.
enum MetricsTarget {
  private struct Outcome: Equatable {
    var error: PushError?
    var isWhole: Bool { error == nil }
    var tuples: [[UInt8]] = []
    var stored = 0
    var rejected = 0
  }

  private static let catalog = CompiledCatalog()
  private static let limits = {
    var limits = PushLimits()
    limits.windowBytes = 1 << 16
    limits.stringBytes = 2000
    limits.keyBytes = 64
    return limits
  }()

  static func run(_ input: [UInt8]) {
    var cuts = Cuts(of: input)
    let whole = decode(input, limits) { _ in input.count }
    let pieces = decode(input, limits) { cuts.end(after: $0, of: input.count) }
    precondition(whole.isWhole == pieces.isWhole, "whether the input is a push depends on where it was cut")
    precondition(!whole.isWhole || whole == pieces, "the rows depend on where the input was cut")
    // Metrics that do not fit the window are decoded row by row. That may reject other metrics, but must not refuse the
    // push.
    var small = limits
    small.windowBytes = 300
    let streamed = decode(input, small) { cuts.end(after: $0, of: input.count) }
    // Each value of the envelope must fit the window, known or not.
    precondition(
      !whole.isWhole || streamed.isWhole || streamed.error?.kind == .envelope(.tooLong),
      "a small window refuses a push that a large window accepts")
  }

  private static func decode(_ input: [UInt8], _ limits: PushLimits, end: (Int) -> Int) -> Outcome {
    var decoder = PushDecoder(catalog: catalog, limits: limits)
    var rows = PushRows(catalog: catalog)
    var known = KnownIDs(capacity: 100)
    // 2026-11-22T19:33:04Z, plus or minus one day.
    let time: Int64 = 1_795_375_984
    decoder.begin(serverID: 7, timeWindow: (time - 86_400) * 1_000_000...(time + 86_400) * 1_000_000)
    var outcome = Outcome()
    var given = 0
    var held = ByteBuffer()
    do throws(PushError) {
      repeat {
        let next = input.isEmpty ? 0 : end(given)
        held.append(Array(input[given..<next]))
        given = next
        let done = try decoder.consume(held.span, isLast: given == input.count, rows: &rows, known: &known)
        precondition(done >= 0 && done <= held.count)
        held.removeFirst(done)
      } while given < input.count
    } catch {
      outcome.error = error
    }
    for target in catalog.targets {
      let tuples = rows.tuples(of: target.index).withUnsafeBufferPointer { Array($0) }
      check(tuples, fields: target.columns.count, rows: rows.rowCount(of: target.index))
      outcome.tuples.append(tuples)
    }
    outcome.stored = decoder.summary.metricsStored
    outcome.rejected = decoder.summary.rejectedTotal
    return outcome
  }

  /// Checks that the bytes are whole binary COPY tuples: 16 bits for the number of fields, then for each field 32 bits
  /// of length and its bytes.
  private static func check(_ tuples: [UInt8], fields: Int, rows: Int) {
    func number(_ start: Int, _ count: Int) -> Int {
      precondition(start + count <= tuples.count, "a tuple is cut off")
      return tuples[start..<start + count].reduce(0) { $0 << 8 | Int($1) }
    }
    var position = 0
    var seen = 0
    while position < tuples.count {
      precondition(number(position, 2) == fields, "a tuple and its table have different numbers of columns")
      position += 2
      for _ in 0..<fields {
        let length = Int(Int32(truncatingIfNeeded: number(position, 4)))
        position += 4 + max(0, length)
        precondition(length >= -1 && position <= tuples.count, "a field is cut off")
      }
      seen += 1
    }
    precondition(seen == rows, "the number of rows differs from the number of tuples")
  }
}
