// The parts of a metric that its declaration does not have. They are kept for the catch-all table as one JSON object
// with the same nesting.

extension PushDecoder {
  private static var metricFrame: Int { 2 }

  /// Adds `"unknownKey":value` at the place of the open containers.
  mutating func appendLeftover(_ value: Span<UInt8>) throws(DecodeFault) {
    if metric.isInDatabase, metric.openDatabase == .unknown {
      guard metric.isOpenDatabaseWhole else { throw .reject(.metricTooLarge) }
      return note(.missingField, .null)  // the database is unknown
    }
    for index in Self.metricFrame..<frames.count where !frames[index].isInLeftovers {
      if index > Self.metricFrame {
        // The object is the value of the parent's current key. A database in an array has no key, so its name is used.
        if frames[index].kind == .database {
          leftovers.append(key: databaseKey)
        } else if case .known(let field) = frames[index - 1].field {
          leftovers.append(key: catalog.fields[field].name, of: catalog)
        }
      }
      leftovers.append(0x7B as UInt8)
      frames[index].isInLeftovers = true
    }
    leftovers.append(key: unknownKey)
    leftovers.append(value)
    // A metric that fits the window cannot have more leftovers than this.
    if leftovers.count > limits.windowBytes + limits.keyBytes { throw .reject(.metricTooLarge) }
  }

  /// Closes the leftovers of the innermost object. Call it before the object itself is closed.
  mutating func closeLeftovers() {
    if frames.top.isInLeftovers { leftovers.append(0x7D as UInt8) }
  }
}

extension ByteBuffer {
  /// Begins a member of the JSON object that is being written.
  fileprivate mutating func append(key: Span<UInt8>) {
    if span[count - 1] != 0x7B { append(0x2C as UInt8) }
    append(0x22 as UInt8)
    append(key)
    append("\":")
  }

  fileprivate mutating func append(key: borrowing ByteBuffer) { append(key: key.span) }

  fileprivate mutating func append(key: Place, of catalog: borrowing CompiledCatalog) {
    append(key: catalog.names.span.extracting(key.range))
  }
}
