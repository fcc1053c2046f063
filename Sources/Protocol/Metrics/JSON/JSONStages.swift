// Two steps of the decoder on their own, for the bench that measures them.

/// The two steps.
package enum JSONStages {
  /// Scans for the end of one value.
  /// - Returns: the length of the value in bytes; the length of `json` if it has no end.
  package static func scannedLength(_ json: Span<UInt8>) -> Int {
    var scan = JSONScan(findsMembers: true)
    _ = scan.advance(json, from: 0, to: json.count)
    return scan.length
  }

  /// Skips one value and checks each of its tokens, and that jsonb can hold it.
  /// - Returns: the length of the value in bytes; 0 if `json` does not begin with a valid value.
  package static func tokenizedLength(_ json: Span<UInt8>) -> Int {
    var cursor = JSONCursor(json)
    do throws(DecodeFault) {
      try cursor.skipValue(depth: 0, maximumDepth: 64, storable: true)
    } catch {
      return 0
    }
    return cursor.position
  }
}
