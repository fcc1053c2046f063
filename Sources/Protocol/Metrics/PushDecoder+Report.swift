// The report of a push: metrics and rows that were not stored, values that were altered, and the place of the defect in
// a refused body.

/// The size of the report when a metric began. If the metric is rejected, the report of its rows and values is removed.
struct ReportMark {
  var rejected = 0
  var rowsRejected = 0
  var rowsRejectedByCode: [RejectCode: Int] = [:]
  var altered = 0
  var valuesMended = 0
  var valuesNull = 0
  var alteredByKind: [AlteredValue.Kind: Int] = [:]
}

extension PushDecoder {
  private static var metricFrame: Int { 2 }

  mutating func markReport() {
    reportMark.rejected = report.rejected.count
    reportMark.rowsRejected = report.rowsRejected
    reportMark.rowsRejectedByCode = report.rowsRejectedByCode
    reportMark.altered = report.altered.count
    reportMark.valuesMended = report.valuesMended
    reportMark.valuesNull = report.valuesNull
    reportMark.alteredByKind = report.alteredByKind
  }

  /// Removes the report of the metric's rows and values.
  mutating func rollBackReport() {
    report.rejected.removeSubrange(reportMark.rejected...)
    report.rowsRejected = reportMark.rowsRejected
    report.rowsRejectedByCode = reportMark.rowsRejectedByCode
    report.altered.removeSubrange(reportMark.altered...)
    report.valuesMended = reportMark.valuesMended
    report.valuesNull = reportMark.valuesNull
    report.alteredByKind = reportMark.alteredByKind
  }

  /// The metric's type, as far as it is known.
  var reportedType: String { metric.type >= 0 ? catalog.typeNames[metric.type] : metric.unknownType }

  /// Leaves out the row that is being read, and reports it.
  /// - Parameter slot: the slot of the faulty key; -1 for the row itself.
  mutating func rejectRow(_ code: RejectCode, slot: Int = -1) {
    report.rowsRejected += 1
    report.rowsRejectedByCode[code, default: 0] += 1
    guard report.rejected.count < limits.reportedRejects else { return }
    report.rejected.append(
      RejectedMetric(
        index: metric.index, row: rowIndex, type: reportedType, code: code, path: faultPath() + keyPath(slot)))
  }

  /// Reports the altered values of a row, or of the metric itself.
  mutating func note(_ alterations: [RowValues.Alteration], row: Int?) {
    for alteration in alterations {
      note(alteration.code, alteration.action, row: row) { decoder in
        let key = alteration.slot >= 0 ? decoder.keyPath(alteration.slot) : "." + alteration.name
        return decoder.faultPath() + (row == nil ? "" : key)
      }
    }
  }

  /// Reports that the value that is being read was altered.
  /// - Parameter member: the key of the altered member, if it is a member of that value.
  mutating func note(_ code: RejectCode, _ action: AlteredValue.Action, member: String = "") {
    note(code, action, row: nil) { decoder in
      let path = decoder.faultPath()
      return path.isEmpty || member.isEmpty ? path + member : path + "." + member
    }
  }

  private mutating func note(
    _ code: RejectCode, _ action: AlteredValue.Action, row: Int?, path: (borrowing Self) -> String
  ) {
    let kind = AlteredValue.Kind(code, action)
    report.alteredByKind[kind, default: 0] += 1
    switch action {
    case .mended: report.valuesMended += 1
    case .null: report.valuesNull += 1
    }
    if report.altered.count >= limits.reportedRejects { return }
    let value = AlteredValue(index: metric.index, row: row, path: path(self), kind: kind)
    report.altered.append(value)
  }

  /// The position of the current element in the innermost open array.
  var rowIndex: Int {
    for index in stride(from: frames.count - 1, to: Self.metricFrame, by: -1) where !frames[index].kind.isObject {
      return frames[index].index
    }
    return 0
  }

  /// The key of a slot of the row that is being read, with a dot before it.
  private func keyPath(_ slot: Int) -> String {
    guard slot >= 0, frames.top.kind == .rows else { return "" }
    return "." + catalog.text(catalog.rowKeys[catalog.tables[frames.top.table].firstKey + slot].name)
  }

  /// The place of the current step, as a JSON path within the metric.
  func faultPath() -> String {
    var path = ""
    func append(name: String) { path += path.isEmpty ? name : "." + name }
    func text(_ bytes: Span<UInt8>) -> String {
      bytes.withUnsafeBufferPointer { String(decoding: $0.prefix(64), as: UTF8.self) }
    }
    for index in Self.metricFrame..<max(frames.count, Self.metricFrame) {
      let frame = frames[index]
      switch frame.kind {
      case .metric, .nested, .database:
        switch frame.field {
        case .none: break
        case .known(let field): append(name: catalog.text(catalog.fields[field].name))
        case .unknown: append(name: text(unknownKey.span))
        }
      case .databasesObject:
        if frame.field == .unknown {
          append(name: text(index == frames.count - 1 ? unknownKey.span : databaseKey.span))
        }
      case .databasesArray, .texts, .rows: path += "[\(frame.index)]"
      case .root, .metrics: break
      }
    }
    return path
  }

  /// The member of the push at which the current step is. The path goes no deeper than a metric: how much of a metric
  /// is read when a defect is found depends on how the body was cut, and the report must not depend on that.
  func pushPath() -> String {
    switch frames.count {
    case 0: ""
    case 1: envelopeKey(frames.top.field)
    default: "metrics[\(frames[1].index)]"  // the metric, whatever is open inside it
    }
  }

  /// The key of a field of the envelope; "" for an unknown field.
  func envelopeKey(_ field: MetricFrame.Field) -> String {
    guard case .known(let index) = field, let field = EnvelopeField(rawValue: index) else { return "" }
    return field.key.description
  }

  /// The member of the envelope that a fault concerns.
  func envelopePath(_ fault: PushError.Envelope) -> String {
    switch fault {
    case .missingCollectorID: EnvelopeField.collectorID.key.description
    case .missingMetrics: EnvelopeField.metrics.key.description
    case .notAnObject, .tooManyRows, .tooManyMetrics: ""
    case .duplicateKey: envelopeKey(duplicate)
    case .wrongType, .badText, .tooLong: pushPath()
    }
  }
}
