// The result of decoding a push: for each table the tuples of a binary COPY, ready to be sent.

/// The encoded rows of one push. Reusable: `reset` keeps a bounded part of the memory.
///
/// Made by `PushDecoder`; handed as a whole to whoever writes it to the database.
public struct PushRows: ~Copyable {
  /// One target's share. The bytes are whole tuples: header and trailer of the COPY are the writer's.
  struct Tuples: ~Copyable {
    var bytes = ByteBuffer()
    var rows = 0
  }

  /// How far a target was filled when a metric began.
  private struct Mark {
    var bytes = 0
    var rows = 0
  }

  /// A tuple whose metric has not told its time yet.
  private struct HeldTuple {
    var target: Int
    var byteCount: Int
    var hash: UInt64
  }

  public let targetCount: Int
  /// The table of the log's lines, if there is one.
  public let logTarget: Int?
  /// Tuples of all targets.
  public private(set) var rowCount = 0
  /// Their bytes.
  public private(set) var encodedBytes = 0
  /// The days that rows fall on, counted from 2000-01-01 UTC, in order.
  public private(set) var days: [Int32] = []
  /// From the earliest to the latest time of a row, in µs since 2000-01-01 UTC; nil without rows.
  public private(set) var times: ClosedRange<Int64>?
  /// To be told to `KnownIDs.insert`, each, once the push is committed.
  public private(set) var pendingIDs: [UInt64] = []
  /// Where metrics end.
  public private(set) var boundaries = PushBoundaries()
  /// The lists of log lines.
  public private(set) var logLists = LogLists()

  private let tuples: UnsafeMutableBufferPointer<Tuples>
  private var marks: [Mark]
  private var pendingMark = 0
  private var held = ByteBuffer()
  private var heldTuples: [HeldTuple] = []
  private let retainedBytes: Int
  /// Targets from here on are names, which belong to no metric.
  private let factTargets: Int

  /// - Parameters: - catalog: gives the targets. - retainedBytes: memory kept per target by `reset`.
  public init(catalog: CompiledCatalog, retainedBytes: Int = 64 << 10) {
    targetCount = catalog.targets.count
    logTarget = catalog.logTarget
    factTargets = min(catalog.textsTarget, catalog.objectsTarget)
    self.retainedBytes = retainedBytes
    tuples = .allocate(capacity: targetCount)
    // Safety: every element is initialised here and lives until deinit; nobody else holds the pointer.
    for index in 0..<targetCount { (tuples.baseAddress! + index).initialize(to: Tuples()) }
    marks = Array(repeating: Mark(), count: targetCount)
  }

  deinit {
    tuples.baseAddress?.deinitialize(count: targetCount)
    tuples.deallocate()
  }

  public func rowCount(of target: Int) -> Int { tuples[target].rows }

  /// The target's tuples in bytes.
  public func byteCount(of target: Int) -> Int { tuples[target].bytes.count }

  /// Lends the target's tuples: for an owner that is a class, whose properties cannot lend a span beyond one access.
  public func withTuples<R>(of target: Int, _ body: (Span<UInt8>) -> R) -> R { body(tuples(of: target)) }

  /// The target's tuples, one after the other. Valid until the rows change.
  @_lifetime(borrow self)
  public func tuples(of target: Int) -> Span<UInt8> {
    precondition(target >= 0 && target < targetCount)
    // Safety: the element lives as long as self; the lifetime is tied to self.
    return _overrideLifetime(tuples[target].bytes.span, borrowing: self)
  }

  /// Bytes held from the allocator: what a memory budget should count.
  public var allocatedBytes: Int {
    var sum = boundaries.allocatedBytes + logLists.allocatedBytes
    sum += held.allocatedBytes + pendingIDs.capacity * 8 + heldTuples.capacity * MemoryLayout<HeldTuple>.stride
    for index in 0..<targetCount { sum += tuples[index].bytes.allocatedBytes }
    return sum
  }

  /// Forgets all rows.
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

  /// Gives the held tuples their time and passes them on, in order, but for those that `isRepeated`.
  mutating func releaseHeld(time: Int64, isRepeated: (UInt64) -> Bool) {
    if heldTuples.isEmpty { return }
    var offset = 0
    for tuple in heldTuples {
      if isRepeated(tuple.hash) {
        encodedBytes -= tuple.byteCount
      } else {
        // The time is the first field, behind the field count and its own length.
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

  /// Bytes of the tuples that wait for their time.
  var heldBytes: Int { held.count }

  /// Lends the tuple of `target` that begins at `offset`, with whatever follows it.
  func withTuple<R>(of target: Int, isHeld: Bool, at offset: Int, _ body: (Span<UInt8>) -> R) -> R {
    isHeld ? body(held.span.extracting(offset...)) : body(tuples[target].bytes.span.extracting(offset...))
  }

  /// Puts another tuple in the place of the one of `length` bytes at `offset`.
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

  /// Rows up to here belong to earlier metrics.
  mutating func mark() {
    for index in 0..<targetCount { marks[index] = Mark(bytes: tuples[index].bytes.count, rows: tuples[index].rows) }
    pendingMark = pendingIDs.count
    logLists.forgetOpen()
  }

  /// Forgets all rows since `mark`. - Parameter forget: is told the pending ids that are forgotten.
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

  /// The metric's list of log lines has one more, whose tuple is the last one.
  mutating func appendLogLine(_ digest: UInt64, byteCount: Int, database: UInt64?) {
    logLists.append(digest, byteCount: byteCount, database: database)
  }

  /// The metric that began with `mark` has all its rows, no tuple is held: drops what its list of log lines repeats.
  /// - Parameters: - target: the table of the log's lines. - remembered: lines of an end that are kept.
  /// - Returns: how many lines are dropped.
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

  /// The metric that began with `mark` has ended. - Parameter digest: what the push is known by up to here.
  mutating func endMetric(_ digest: UUID, isRejected: Bool) {
    boundaries.append(digest, isRejected: isRejected)
    for index in 0..<factTargets where tuples[index].rows != marks[index].rows {
      boundaries.fill(index, rows: tuples[index].rows, bytes: tuples[index].bytes.count)
    }
  }

  /// A metric's rows have this time, and stay.
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
