// What a metric says beyond its declaration is kept, as one JSON object of the same nesting, for the catch-all table.

extension PushDecoder {
  private static var metricFrame: Int { 2 }

  /// Adds `"unknownKey":value` at the place of the open containers.
  mutating func appendLeftover(_ value: Span<UInt8>) throws(DecodeFault) {
    if metric.isInDatabase, metric.openDatabase == .unknown {
      guard metric.isOpenDatabaseWhole else { throw .reject(.metricTooLarge) }
      return note(.missingField, .null)  // of nobody knows which database
    }
    for index in Self.metricFrame..<frames.count where !frames[index].isInLeftovers {
      if index > Self.metricFrame {
        // The object is the value of what its parent reads; an array's element, a database, goes by its name.
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
    // A metric that is looked at as a whole cannot have more than this.
    if leftovers.count > limits.windowBytes + limits.keyBytes { throw .reject(.metricTooLarge) }
  }

  /// Before the innermost object is closed.
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
