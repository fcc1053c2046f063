// The envelope of a push: the collector that sends it, the time, and the list of metrics.

extension PushDecoder {
  enum EnvelopeField: Int, CaseIterable {
    case collectorID, hostname, metrics, metricsCount, timestamp, version

    var bit: UInt8 { 1 << UInt8(rawValue) }

    var key: StaticString {
      switch self {
      case .collectorID: "collector_id"
      case .hostname: "hostname"
      case .metrics: "metrics"
      case .metricsCount: "metrics_count"
      case .timestamp: "timestamp"
      case .version: "version"
      }
    }
  }

  mutating func envelopeField(_ cursor: JSONCursor, _ key: JSONText) throws(DecodeFault) -> MetricFrame.Field {
    for field in EnvelopeField.allCases where cursor.equals(key, field.key) {
      guard seenEnvelope & field.bit == 0 else {
        duplicate = .known(field.rawValue)
        throw .envelope(.duplicateKey)
      }
      seenEnvelope |= field.bit
      return .known(field.rawValue)
    }
    return .unknown
  }

  mutating func readEnvelopeValue(_ cursor: inout JSONCursor, isLast: Bool) throws(DecodeFault) -> Bool {
    guard case .known(let index) = frames.top.field, let field = EnvelopeField(rawValue: index) else {
      beginSkip(JSONSkipper(outerDepth: frames.count, maximumDepth: limits.depth))
      return true
    }
    if field == .metrics {
      guard cursor.peek == 0x5B else { throw .envelope(.wrongType) }
      cursor.position += 1
      frames.push(MetricFrame(.metrics))
      return true
    }
    guard try isComplete(cursor, isLast: isLast) else { return false }
    if cursor.peek == 0x6E, field != .collectorID {
      try cursor.expectNull()
    } else {
      switch field {
      case .collectorID: report.collectorID = try envelopeText(&cursor)
      case .hostname: report.hostname = try envelopeText(&cursor, isMended: true)
      case .timestamp: report.timestamp = try envelopeText(&cursor, isMended: true)
      case .version: report.version = try envelopeText(&cursor, isMended: true)
      case .metricsCount:
        guard cursor.peek &- 0x30 < 10 || cursor.peek == 0x2D else { throw .envelope(.wrongType) }
        guard try cursor.number().isInteger else { throw .envelope(.wrongType) }
      case .metrics: preconditionFailure("the list of metrics is read above")
      }
    }
    frames.valueEnded()
    return true
  }

  /// Reads a text of the envelope.
  /// - Parameter isMended: whether a text with invalid characters is mended. Otherwise the push is refused.
  private mutating func envelopeText(
    _ cursor: inout JSONCursor, isMended: Bool = false
  ) throws(DecodeFault) -> String {
    guard cursor.peek == 0x22 else { throw .envelope(.wrongType) }
    let text = try cursor.text()
    guard text.count <= limits.keyBytes else { throw .envelope(.tooLong) }
    if !isMended, cursor.fault(of: text) != nil { throw .envelope(.badText) }
    scratch.removeAll()
    cursor.decodeMended(text, limit: limits.keyBytes, into: &scratch)
    return scratch.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
  }
}
