// The result of decoding a push: for each table the tuples of a binary COPY.

/// The encoded rows of one push. `PushDecoder` fills it, and the writer to the database takes it as a whole. `reset`
/// prepares it for another push and keeps a bounded part of the memory.
public struct PushRows: ~Copyable {
  /// The tuples of one target. The writer adds the header and trailer of the COPY.
  struct Tuples: ~Copyable {
    var bytes = ByteBuffer()
    var rows = 0
  }

  /// The bytes and rows of a target when a metric began.
  private struct Mark {
    var bytes = 0
    var rows = 0
  }

  /// A tuple that waits for its metric's time.
  private struct HeldTuple {
    var target: Int
    var byteCount: Int
    var hash: UInt64
  }

  /// The number of targets.
  public let targetCount: Int
  /// The table of the log's lines, if there is one.
  public let logTarget: Int?
  /// The number of tuples of all targets.
  public private(set) var rowCount = 0
  /// The number of bytes of these tuples, including those that wait for their time.
  public private(set) var encodedBytes = 0
  /// The days of the rows' times, counted from 2000-01-01 UTC, in order.
  public private(set) var days: [Int32] = []
  /// The earliest and the latest time of a row, in µs since 2000-01-01 UTC; nil without rows.
  public private(set) var times: ClosedRange<Int64>?
  /// The ids whose rows this push sends. After the commit the caller passes each of them to `KnownIDs.insert`.
  public private(set) var pendingIDs: [UInt64] = []
  /// The boundaries between the metrics.
  public private(set) var boundaries = PushBoundaries()
  /// The lists of log lines.
  public private(set) var logLists = LogLists()

  private let tuples: UnsafeMutableBufferPointer<Tuples>
  private var marks: [Mark]
  private var pendingMark = 0
  private var held = ByteBuffer()
  private var heldTuples: [HeldTuple] = []
  private let retainedBytes: Int
  /// The targets from this index on are `texts` and `objects`, whose rows belong to no metric.
  private let factTargets: Int

  /// Makes empty rows.
  /// - Parameters:
  ///   - catalog: gives the targets.
  ///   - retainedBytes: the most bytes per target that `reset` keeps.
  public init(catalog: CompiledCatalog, retainedBytes: Int = 64 << 10) {
    targetCount = catalog.targets.count
    logTarget = catalog.logTarget
    factTargets = min(catalog.textsTarget, catalog.objectsTarget)
    self.retainedBytes = retainedBytes
    tuples = .allocate(capacity: targetCount)
    // Safety: each element is initialised here and lives until deinit. Nothing else holds the pointer.
    for index in 0..<targetCount { (tuples.baseAddress! + index).initialize(to: Tuples()) }
    marks = Array(repeating: Mark(), count: targetCount)
  }

  deinit {
    tuples.baseAddress?.deinitialize(count: targetCount)
    tuples.deallocate()
  }

  /// The number of the target's tuples.
  public func rowCount(of target: Int) -> Int { tuples[target].rows }

  /// The bytes of the target's tuples.
  public func byteCount(of target: Int) -> Int { tuples[target].bytes.count }

  /// Lends the target's tuples to `body`. An owner that is a class needs this: a property of a class cannot lend a span
  /// for longer than one access.
  public func withTuples<R>(of target: Int, _ body: (Span<UInt8>) -> R) -> R { body(tuples(of: target)) }

  /// The target's tuples, one after the other. The span is valid until the rows change.
  @_lifetime(borrow self)
  public func tuples(of target: Int) -> Span<UInt8> {
    precondition(target >= 0 && target < targetCount)
    // Safety: the element lives as long as self; the lifetime is tied to self.
    return _overrideLifetime(tuples[target].bytes.span, borrowing: self)
  }

  /// Bytes of memory held. A memory budget counts this number.
  public var allocatedBytes: Int {
    var sum = boundaries.allocatedBytes + logLists.allocatedBytes
    sum += held.allocatedBytes + pendingIDs.capacity * 8 + heldTuples.capacity * MemoryLayout<HeldTuple>.stride
    for index in 0..<targetCount { sum += tuples[index].bytes.allocatedBytes }
    return sum
  }

  /// Removes all rows.
  public mutating func reset() {
    for index in 0..<targetCount {
      tuples[index].bytes.removeAll(keepingCapacity: tuples[index].bytes.allocatedBytes <= retainedBytes)
      tuples[index].rows = 0
    }
    held.removeAll(keepingCapacity: held.allocatedBytes <= retainedBytes)
    heldTuples.removeAll(keepingCapacity: heldTuples.capacity * MemoryLayout<HeldTuple>.stride <= retainedBytes)
    pendingIDs.removeAll(keepingCapacity: pendingIDs.capacity * 8 <= retainedBytes)
    boundaries.removeAll(keepingAtMost: retainedBytes)
    logLists.removeAll(keepingAtMost: retainedBytes)
    days.removeAll(keepingCapacity: true)
    times = nil
    rowCount = 0
    encodedBytes = 0
  }

  // MARK: for the decoder

  /// Appends one tuple of at most `bytes` bytes.
  @inline(__always)
  mutating func appendTuple(
    to target: Int, fields: Int, atMost bytes: Int, _ write: (inout CopyTupleWriter) -> Void
  ) {
    encodedBytes += Self.append(to: &tuples[target].bytes, fields, bytes, write)
    tuples[target].rows += 1
    rowCount += 1
  }

  /// As `appendTuple`, but the tuple waits for `releaseHeld`.
  mutating func holdTuple(
    for target: Int, hash: UInt64, fields: Int, atMost bytes: Int, _ write: (inout CopyTupleWriter) -> Void
  ) {
    let count = Self.append(to: &held, fields, bytes, write)
    encodedBytes += count
    heldTuples.append(HeldTuple(target: target, byteCount: count, hash: hash))
  }

  @inline(__always)
  private static func append(
    to buffer: inout ByteBuffer, _ fields: Int, _ bytes: Int, _ write: (inout CopyTupleWriter) -> Void
  ) -> Int {
    buffer.appendUninitialized(minimumCapacity: bytes) { memory in
      var writer = CopyTupleWriter(memory, fields: fields)
      write(&writer)
      return writer.count
    }
  }

  /// Writes the time into the waiting tuples and appends them to their targets, in order. Tuples for which `isRepeated`
  /// returns true are dropped.
  mutating func releaseHeld(time: Int64, isRepeated: (UInt64) -> Bool) {
    if heldTuples.isEmpty { return }
    var offset = 0
    for tuple in heldTuples {
      if isRepeated(tuple.hash) {
        encodedBytes -= tuple.byteCount
      } else {
        // The time is the first field. Before it stand the field count and the field's length.
        held.overwrite(bigEndian: time, at: offset + 6)
        tuples[tuple.target].bytes.append(held.span.extracting(offset..<offset + tuple.byteCount))
        tuples[tuple.target].rows += 1
        rowCount += 1
      }
      offset += tuple.byteCount
    }
    heldTuples.removeAll(keepingCapacity: true)
    held.removeAll()
  }

  /// The bytes of the tuples that wait for their time.
  var heldBytes: Int { held.count }

  /// Lends the tuple of `target` that begins at `offset`, with the bytes that follow it.
  func withTuple<R>(of target: Int, isHeld: Bool, at offset: Int, _ body: (Span<UInt8>) -> R) -> R {
    isHeld ? body(held.span.extracting(offset...)) : body(tuples[target].bytes.span.extracting(offset...))
  }

  /// Replaces the tuple of `length` bytes at `offset`.
  mutating func replaceTuple(of target: Int, isHeld: Bool, at offset: Int, _ length: Int, with tuple: Span<UInt8>) {
    encodedBytes += tuple.count - length
    if !isHeld { return tuples[target].bytes.replace(offset..<offset + length, with: tuple) }
    held.replace(offset..<offset + length, with: tuple)
    if tuple.count == length { return }
    var start = 0
    for index in heldTuples.indices {
      if start == offset {
        heldTuples[index].byteCount = tuple.count
        return
      }
      start += heldTuples[index].byteCount
    }
  }

  mutating func appendPending(_ id: UInt64) { pendingIDs.append(id) }

  /// Begins a metric: the rows so far belong to earlier metrics.
  mutating func mark() {
    for index in 0..<targetCount { marks[index] = Mark(bytes: tuples[index].bytes.count, rows: tuples[index].rows) }
    pendingMark = pendingIDs.count
    logLists.forgetOpen()
  }

  /// Removes all rows since `mark`.
  /// - Parameter forget: gets each pending id that is removed.
  mutating func rollBack(_ forget: (UInt64) -> Void) {
    for index in 0..<targetCount where tuples[index].rows != marks[index].rows {
      encodedBytes -= tuples[index].bytes.count - marks[index].bytes
      rowCount -= tuples[index].rows - marks[index].rows
      tuples[index].bytes.truncate(to: marks[index].bytes)
      tuples[index].rows = marks[index].rows
    }
    encodedBytes -= held.count
    held.removeAll()
    heldTuples.removeAll(keepingCapacity: true)
    logLists.forgetOpen()
    for id in pendingIDs[pendingMark...] { forget(id) }
    pendingIDs.removeSubrange(pendingMark...)
  }

  /// Adds a line to the metric's list of log lines. The line's tuple is the last one.
  mutating func appendLogLine(_ digest: UInt64, byteCount: Int, database: UInt64?) {
    logLists.append(digest, byteCount: byteCount, database: database)
  }

  /// Ends the metric's list of log lines and drops the lines that repeat the list before it. The metric that began with
  /// `mark` has all its rows, and no tuple waits.
  /// - Parameters:
  ///   - target: the table of log lines.
  ///   - remembered: the most lines that are kept of the end of a list.
  /// - Returns: the number of dropped lines.
  mutating func endLogList(in target: Int, remembered: Int) -> Int {
    var before = PushBoundaries.Extent()
    (before.rows, before.bytes) = (marks[target].rows, marks[target].bytes)
    let repeated = logLists.endList(metricsBefore: boundaries.count, before: before, remembered: remembered)
    if repeated.rows > 0 {
      tuples[target].bytes.replace(before.bytes..<before.bytes + repeated.bytes, with: [UInt8]().span)
      tuples[target].rows -= repeated.rows
      rowCount -= repeated.rows
      encodedBytes -= repeated.bytes
    }
    return repeated.rows
  }

  /// Ends the metric that began with `mark`.
  /// - Parameter digest: identifies the push up to here.
  mutating func endMetric(_ digest: UUID, isRejected: Bool) {
    boundaries.append(digest, isRejected: isRejected)
    for index in 0..<factTargets where tuples[index].rows != marks[index].rows {
      boundaries.fill(index, rows: tuples[index].rows, bytes: tuples[index].bytes.count)
    }
  }

  /// Adds the time of a metric whose rows are stored.
  mutating func insertTime(_ time: Int64) {
    insertDay(PostgresBinary.day(of: time))
    guard let times else {
      times = time...time
      return
    }
    if !times.contains(time) { self.times = min(times.lowerBound, time)...max(times.upperBound, time) }
  }

  private mutating func insertDay(_ day: Int32) {
    var index = days.count
    while index > 0, days[index - 1] >= day {
      if days[index - 1] == day { return }
      index -= 1
    }
    days.insert(day, at: index)
  }
}
