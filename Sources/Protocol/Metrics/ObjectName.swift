// The names and ids of objects.
//
// The name of an object consists of the parts of its key, joined with dots. A part is put in double quotes if it holds
// a quote, `#`, or a dot (if the key has several parts); a quote inside is doubled, as in SQL. So two objects never
// have the same name. Objects of one list with the same key are distinguished by their place among them: `tmpfs.#2` is
// the second tmpfs without a mount point.

/// The names and ids of objects.
public enum ObjectName {
  /// Appends one part to a name.
  /// - Parameter parts: the number of the key's parts.
  static func append(_ part: Span<UInt8>, of parts: Int, to name: inout ByteBuffer) {
    var isPlain = true
    for index in part.indices {
      switch part[index] {
      case UInt8(ascii: "\""), UInt8(ascii: "#"): isPlain = false
      case UInt8(ascii: ".") where parts > 1: isPlain = false
      default: continue  // the rest of the alphabet
      }
    }
    if isPlain { return name.append(part) }
    name.append(UInt8(ascii: "\""))
    for index in part.indices {
      if part[index] == UInt8(ascii: "\"") { name.append(UInt8(ascii: "\"")) }
      name.append(part[index])
    }
    name.append(UInt8(ascii: "\""))
  }

  /// The id of the object at `place` (from 1) among the objects with one key.
  /// - Parameter id: the id of the first of them.
  static func id(_ id: UInt64, place: UInt32) -> UInt64 {
    if place <= 1 { return id }
    return StableHash.xxh64(Array("#\(place)".utf8).span, seed: id)
  }

  /// The ids of the objects of `table` that `name` may mean. A name in the form above has one. A name from elsewhere
  /// may lack the quotes; then each way to split it at its dots gives an id.
  /// - Returns: ids as in the column `object_id`.
  public static func ids(_ name: String, in table: MetricTable) -> [Int64] {
    let parts = table.object.count
    let bytes = Array(name.utf8)
    var found: [Int64] = []
    func add(_ key: [ArraySlice<UInt8>], place: UInt32) {
      var id = StableHash.xxh64(Array(table.name.utf8).span, seed: RowEncoder.objectSeed)
      for part in key { id = StableHash.xxh64(Array(part).span, seed: id) }
      let word = Int64(bitPattern: Self.id(id, place: place))
      if !found.contains(word) { found.append(word) }
    }
    if let (key, place) = parse(bytes, parts: parts) {
      add(key, place: place)
      return found
    }
    for key in splits(bytes[...], into: parts) { add(key, place: 1) }
    return found
  }

  /// The parts of a name in the form above; nil if the name does not have this form.
  private static func parse(_ name: [UInt8], parts: Int) -> (key: [ArraySlice<UInt8>], place: UInt32)? {
    var key: [ArraySlice<UInt8>] = []
    var index = 0
    while true {
      var part: [UInt8] = []
      if index < name.count, name[index] == UInt8(ascii: "\"") {
        index += 1
        while true {
          guard index < name.count else { return nil }
          if name[index] == UInt8(ascii: "\"") {
            index += 1
            guard index < name.count, name[index] == UInt8(ascii: "\"") else { break }
          }
          part.append(name[index])
          index += 1
        }
      } else {
        while index < name.count, name[index] != UInt8(ascii: "#"), parts == 1 || name[index] != UInt8(ascii: ".") {
          if name[index] == UInt8(ascii: "\"") { return nil }
          part.append(name[index])
          index += 1
        }
      }
      key.append(part[...])
      guard index < name.count, name[index] == UInt8(ascii: "."), key.count < parts else { break }
      index += 1
    }
    guard key.count == parts else { return nil }
    if index == name.count { return (key, 1) }
    guard name[index] == UInt8(ascii: "#"), index + 1 < name.count, name[index + 1] != UInt8(ascii: "0"),
      name[(index + 1)...].allSatisfy({ (0x30...0x39).contains($0) }),
      let place = UInt32(String(decoding: name[(index + 1)...], as: UTF8.self)), place > 1
    else { return nil }
    return (key, place)
  }

  private static let mostSplits = 64

  /// All ways to split `name` at its dots into `parts` parts, at most `mostSplits`.
  private static func splits(_ name: ArraySlice<UInt8>, into parts: Int) -> [[ArraySlice<UInt8>]] {
    if parts <= 1 { return [[name]] }
    var found: [[ArraySlice<UInt8>]] = []
    for index in name.indices where name[index] == UInt8(ascii: ".") {
      for rest in splits(name[(index + 1)...], into: parts - 1) where found.count < mostSplits {
        found.append([name[..<index]] + rest)
      }
    }
    return found
  }
}
