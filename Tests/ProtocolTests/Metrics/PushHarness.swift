import Protocol
import Testing

/// The result of decoding a push, in a form that can be compared and printed.
struct DecodedPush: Equatable {
  /// The bytes of all tuples, by table.
  var tuples: [String: [UInt8]] = [:]
  var summary = PushSummary()
  var days: [Int32] = []
  var pendingIDs: [UInt64] = []
  var error: PushError?

  /// The rows of a table. Each row is a dictionary from column to field.
  func rows(_ table: String) -> [[String: CopyField]] {
    guard let target = DecodedPush.catalog.targets.first(where: { $0.table == table }) else { return [] }
    let tuples = readTuples(self.tuples[table] ?? [], fields: target.columns.count) ?? []
    return tuples.map { Dictionary(uniqueKeysWithValues: zip(target.columns.map(\.name), $0)) }
  }

  var codes: [String] { summary.rejected.map { "\($0.index) \($0.type) \($0.code.rawValue) \($0.path)" } }

  static let catalog = CompiledCatalog()
}

/// 2026-11-22T19:33:04Z in unix seconds.
let pushTime: Int64 = 1_795_375_984
let pushWindow = (pushTime - 86_400) * 1_000_000...(pushTime + 86_400) * 1_000_000

/// Decodes a body that arrives in `pieces`, with a fresh decoder.
func decode(
  _ pieces: [ArraySlice<UInt8>], limits: PushLimits = PushLimits(), known: [UInt64] = [],
  window: ClosedRange<Int64> = pushWindow
) -> DecodedPush {
  var decoder = PushDecoder(catalog: DecodedPush.catalog, limits: limits)
  var ids = KnownIDs(capacity: 10_000)
  for id in known { ids.insert(id) }
  var rows = PushRows(catalog: DecodedPush.catalog)
  return decode(pieces, &decoder, &rows, &ids, window: window)
}

func decode(_ body: String, limits: PushLimits = PushLimits()) -> DecodedPush {
  decode([Array(body.utf8)[...]], limits: limits)
}

func decode(
  _ pieces: [ArraySlice<UInt8>], _ decoder: inout PushDecoder, _ rows: inout PushRows, _ known: inout KnownIDs,
  window: ClosedRange<Int64> = pushWindow
) -> DecodedPush {
  var result = DecodedPush()
  decoder.begin(serverID: 7, timeWindow: window)
  rows.reset()
  var pending = ByteBuffer()
  do throws(PushError) {
    for (index, piece) in pieces.enumerated() {
      pending.append(Array(piece))
      let isLast = index == pieces.count - 1
      let done = try decoder.consume(pending.span, isLast: isLast, rows: &rows, known: &known)
      pending.removeFirst(done)
    }
  } catch {
    result.error = error
  }
  result.summary = decoder.summary
  result.days = rows.days
  result.pendingIDs = rows.pendingIDs
  for target in DecodedPush.catalog.targets where rows.rowCount(of: target.index) > 0 {
    let span = rows.tuples(of: target.index)
    result.tuples[target.table] = span.withUnsafeBufferPointer { Array($0) }
  }
  let (encodedBytes, rowCount) = (rows.encodedBytes, rows.rowCount)
  if result.error == nil {
    #expect(encodedBytes == result.tuples.values.reduce(0) { $0 + $1.count })
    #expect(rowCount == DecodedPush.catalog.targets.reduce(0) { $0 + result.rows($1.table).count })
  }
  return result
}

/// A body with some metrics, each given as a JSON text.
func envelope(_ metrics: [String]) -> String {
  #"{"collector_id":"c1","hostname":"h","metrics":["# + metrics.joined(separator: ",")
    + #"],"metrics_count":1,"timestamp":"2026-11-22T19:33:07Z","version":"3.0.0"}"#
}

/// A metric that is stored, whatever happens to other metrics.
let soundMetric =
  #"{"filesystems":[{"device":"/dev/vda","free_gb":72,"mount":"","percent_used":8.5,"total_gb":251,"used_gb":21}],"#
  + #""timestamp":"2026-11-22T19:33:04Z","type":"disk_usage"}"#
