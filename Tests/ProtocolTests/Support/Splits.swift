// A stream has no message boundaries. A machine must handle the pieces of a message as it handles the whole message.

/// The ways to cut `bytes`: not at all, in two at each position, and into single bytes.
///
/// Pieces are never empty, and together they give `bytes`. `n` bytes give `n + 1` ways, so a test's work is quadratic
/// in the length. Keep messages below a few kB, or use `randomSplit`.
func splits(of bytes: [UInt8]) -> [[ArraySlice<UInt8>]] {
  if bytes.isEmpty { return [[]] }
  var ways: [[ArraySlice<UInt8>]] = [[bytes[...]]]
  ways.reserveCapacity(bytes.count + 1)
  for cut in bytes.indices.dropFirst() { ways.append([bytes[..<cut], bytes[cut...]]) }
  if bytes.count > 2 { ways.append(bytes.indices.map { bytes[$0...$0] }) }
  return ways
}

/// Cuts `bytes` at random into pieces of 1 to `longest` bytes.
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
