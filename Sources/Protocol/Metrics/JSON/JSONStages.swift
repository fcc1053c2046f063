// Two steps of the decoder by themselves, for who measures them.

package enum JSONStages {
  /// How far the scan for the end of one value reaches: the value's length, or all there is.
  package static func scannedLength(_ json: Span<UInt8>) -> Int {
    var scan = JSONScan(findsMembers: true)
    _ = scan.advance(json, from: 0, to: json.count)
    return scan.length
  }

  /// Reads past one value, checking each of its tokens and what a jsonb can hold.
  /// - Returns: the length of the value; 0 if it is none.
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
