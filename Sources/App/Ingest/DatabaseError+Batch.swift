// What a refused batch says about itself.

extension DatabaseError {
  /// SQLSTATEs that speak of the rows: data exceptions, integrity violations, and the one protocol violation (a value of
  /// the wrong length in binary COPY) that the session survives.
  var isAboutData: Bool {
    guard let sqlstate, !isMissingPartition else { return false }
    return sqlstate.hasPrefix("22") || sqlstate.hasPrefix("23") || sqlstate == "08P01"
  }

  /// `no partition of relation ... found for row` shares its SQLSTATE with CHECK violations and names no constraint.
  var isMissingPartition: Bool { sqlstate == "23514" && constraint == nil && message.contains("partition") }

  /// Table and line (1 and up) of `COPY <table>, line <n>`, which may be one of several lines of context.
  var copyLine: (table: Substring, line: Int)? {
    for line in (context ?? "").split(separator: "\n") where line.hasPrefix("COPY ") {
      guard let comma = line.firstIndex(of: ","), let marker = line.range(of: ", line ") else { continue }
      let table = line[line.index(line.startIndex, offsetBy: 5)..<comma]
      let digits = line[marker.upperBound...].prefix { $0.isNumber }
      if let number = Int(digits) { return (table, number) }
    }
    return nil
  }
}

extension Substring {
  /// The first occurrence of `text`. The standard library has none without Foundation.
  fileprivate func range(of text: String) -> Range<Index>? {
    var start = startIndex
    while start < endIndex {
      if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
      start = index(after: start)
    }
    return nil
  }
}
