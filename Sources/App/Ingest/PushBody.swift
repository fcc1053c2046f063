// Decodes the body of a push: received bytes -> inflated window -> rows. A setting bounds everything it holds.

import Protocol
import Reactor

/// Why a whole push was refused. It holds facts; `Problem+Push.swift` has the texts.
enum PushRefusal: Error {
  case inflate(InflateError)
  case payload(PushError)
  /// The envelope names another collector than the token.
  case foreignCollector
  /// The body is not JSON but another known format.
  case foreign(ForeignContent)
}

/// Reads the bodies of pushes, one after the other. It is one value, so that `PushReader` accesses it once for each
/// piece.
struct PushBody: ~Copyable {
  private enum Coding {
    /// No byte has been read yet. The stock collector labels plain JSON as gzip, so the bytes decide and not the label.
    case unknown
    case identity
    case gzip
  }

  private var coding = Coding.unknown
  private var firstByte: UInt8?
  /// The first bytes of the body, once the decoder got them.
  private var opening: [UInt8] = []
  private var inflater: GzipInflater
  private var window = ByteBuffer()
  private var decoder: PushDecoder
  /// A digest of all content, for the older ledger. Both digests are reused: a new context costs more than hashing a
  /// small body.
  private var content = Digest()
  private var isLegacyRead = false
  private var mixed = Digest()
  private var inflatedBytes = 0
  private let inflatedBytesMaximum: Int
  private let clock: () -> MonotonicTime

  /// JSON is inflated in steps of at most this many bytes.
  private static let stepBytes = 64 * 1024

  init(settings: Settings, catalog: CompiledCatalog, clock: @escaping () -> MonotonicTime) {
    self.clock = clock
    inflater = GzipInflater(limits: settings.inflateLimits)
    decoder = PushDecoder(catalog: catalog, limits: settings.pushLimits)
    inflatedBytesMaximum = settings.inflatedBytes
  }

  /// Bytes held by the window; the rows are not included.
  var heldBytes: Int { window.allocatedBytes }

  /// Starts a push.
  /// - Parameters:
  ///   - timeWindow: the times that a metric may have, in microseconds since 1970.
  ///   - isLegacyRead: whether the older ledger may have the push, so that the push needs its identity there.
  mutating func begin(serverID: Int32, timeWindow: ClosedRange<Int64>, isLegacyRead: Bool) {
    coding = .unknown
    firstByte = nil
    opening.removeAll(keepingCapacity: true)
    inflatedBytes = 0
    self.isLegacyRead = isLegacyRead
    content.restart()
    decoder.begin(serverID: serverID, timeWindow: timeWindow)
  }

  /// Releases the memory of a push; keeps a small window for the next one.
  mutating func end() {
    inflater.reset()
    window.removeAll(keepingCapacity: window.allocatedBytes <= 2 * Self.stepBytes)
  }

  /// Reads bytes of the body, in pieces of any size.
  mutating func receive(_ bytes: Span<UInt8>, into push: Push, known: inout KnownIDs) throws(PushRefusal) {
    if bytes.isEmpty { return }
    push.wireBytes += bytes.count
    if coding == .unknown {
      // The magic number has two bytes: if the first piece has one byte, it is kept until the second arrives.
      guard let first = firstByte else {
        if bytes.count == 1 {
          firstByte = bytes[0]
        } else {
          coding = GzipInflater.looksLikeGzip(prefix: bytes) ? .gzip : .identity
          try read(bytes, into: push, known: &known)
        }
        return
      }
      let prefix = [first, bytes[0]]
      coding = GzipInflater.looksLikeGzip(prefix: prefix.span) ? .gzip : .identity
      firstByte = nil
      try read([first].span, into: push, known: &known)
    }
    try read(bytes, into: push, known: &known)
  }

  /// The body is complete: sets the push's summary and identity.
  /// - Parameter key: the client's `Idempotency-Key`.
  mutating func finish(key: [UInt8]?, into push: Push, known: inout KnownIDs) throws(PushRefusal) {
    if let first = firstByte {
      coding = .identity
      firstByte = nil
      try read([first].span, into: push, known: &known)
    }
    if coding == .gzip {
      do throws(InflateError) { try inflater.finish() } catch { throw .inflate(error) }
    }
    try decode(from: window.count, isLast: true, into: push, known: &known)
    push.summary = decoder.summary
    push.id = decoder.identity
    if let key { push.key = identity(collector: push.collectorID, mark: 1, key.span) }
    if isLegacyRead {
      push.legacy = LegacyIdentity(
        id: push.key ?? identity(collector: push.collectorID, mark: 0, content.take().span))
    }
  }

  private mutating func read(_ bytes: Span<UInt8>, into push: Push, known: inout KnownIDs) throws(PushRefusal) {
    switch coding {
    case .gzip: try inflate(bytes, into: push, known: &known)
    case .identity, .unknown: try take(bytes, into: push, known: &known)
    }
  }

  private mutating func take(_ bytes: Span<UInt8>, into push: Push, known: inout KnownIDs) throws(PushRefusal) {
    inflatedBytes += bytes.count
    if inflatedBytes > inflatedBytesMaximum { throw .inflate(.tooLarge(limit: inflatedBytesMaximum)) }
    let before = window.count
    window.append(bytes)
    try decode(from: before, isLast: false, into: push, known: &known)
  }

  private mutating func inflate(_ bytes: Span<UInt8>, into push: Push, known: inout KnownIDs) throws(PushRefusal) {
    var position = 0
    while true {
      let before = window.count
      let progress: InflateProgress
      let begun = clock()
      do throws(InflateError) {
        progress = try inflater.inflate(
          bytes.extracting(position..<bytes.count), into: &window, atMost: Self.stepBytes)
      } catch { throw .inflate(error) }
      push.inflateTime += clock() - begun
      position += progress.consumed
      if window.count > before {
        try decode(from: before, isLast: false, into: push, known: &known)
      }
      switch progress.state {
      case .needsInput, .finished: return
      case .outputFull: continue
      }
    }
  }

  /// - Parameter before: the position in the window at which the new bytes begin.
  private mutating func decode(
    from before: Int, isLast: Bool, into push: Push, known: inout KnownIDs
  ) throws(PushRefusal) {
    // The window is moved out of `self` for the call: a span of a stored window would prevent the decoder from
    // changing.
    var window = ByteBuffer()
    swap(&window, &self.window)
    defer { swap(&window, &self.window) }
    if isLegacyRead { content.update(window.span.extracting(before...)) }
    if opening.isEmpty {
      // Waits for enough bytes to name the content of a refused body, wherever the pieces were cut.
      if window.count < ForeignContent.prefixBytes, !isLast { return }
      for index in 0..<min(window.count, ForeignContent.prefixBytes) { opening.append(window.span[index]) }
    }
    let done: Int
    do throws(PushError) {
      done = try decoder.consume(window.span, isLast: isLast, rows: &push.rows, known: &known)
    } catch {
      if case .malformed = error.kind, error.offset < ForeignContent.prefixBytes,
        let content = ForeignContent(opening, isInflated: coding == .gzip)
      {
        throw .foreign(content)
      }
      throw .payload(error)
    }
    window.removeFirst(done)
  }

  /// The identity that a key (`mark` 1) or the content after inflating (`mark` 0) gives the push of a collector.
  private mutating func identity(collector: UUID, mark: UInt8, _ bytes: Span<UInt8>) -> UUID {
    mixed.update(collector.bytes.span)
    mixed.update([mark].span)
    mixed.update(bytes)
    let digest = mixed.take()
    return UUID(bytes: digest.span.extracting(0..<16)) ?? UUID(high: 0, low: 0)
  }
}

extension Settings {
  var inflateLimits: InflateLimits {
    InflateLimits(inflatedBytes: inflatedBytes, ratio: inflateRatio, ratioGraceBytes: inflateRatioGraceBytes)
  }

  var pushLimits: PushLimits {
    var limits = PushLimits()
    limits.windowBytes = jsonWindowBytes
    limits.depth = jsonDepth
    limits.stringBytes = jsonStringBytes
    limits.metrics = pushMetrics
    limits.logLines = logListLines
    limits.reportedRejects = rejectsReported
    return limits
  }
}
