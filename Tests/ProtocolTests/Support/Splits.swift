// A stream has no message borders: whatever a machine does with a message, it must do with the same bytes in pieces.

/// Ways to cut `bytes` into pieces: whole, at every single point in two, and one byte at a time.
///
/// Pieces are never empty and concatenate to `bytes`. `n` bytes give `n + 1` ways, so the work of a test is quadratic in
/// the message: keep messages under a few kB, or use `randomSplit`.
func splits(of bytes: [UInt8]) -> [[ArraySlice<UInt8>]] {
  if bytes.isEmpty { return [[]] }
  var ways: [[ArraySlice<UInt8>]] = [[bytes[...]]]
  ways.reserveCapacity(bytes.count + 1)
  for cut in bytes.indices.dropFirst() { ways.append([bytes[..<cut], bytes[cut...]]) }
  if bytes.count > 2 { ways.append(bytes.indices.map { bytes[$0...$0] }) }
  return ways
}

/// One way to cut `bytes` at random into pieces of 1 to `longest` bytes.
func randomSplit(
  of bytes: [UInt8], longest: Int, using generator: inout some RandomNumberGenerator
) -> [ArraySlice<UInt8>] {
  var pieces: [ArraySlice<UInt8>] = []
  var start = 0
  while start < bytes.count {
    let end = min(bytes.count, start + Int.random(in: 1...longest, using: &generator))
    pieces.append(bytes[start..<end])
    start = end
  }
  return pieces
}
