import Glibc
import Ground
import Protocol
import Testing

@testable import App

/// The document as it was reviewed last: Tests/Golden/openapi.json. A change of the API shows there as clients will see
/// it.
@Suite struct OpenAPIGoldenTests {
  private static let path =
    #filePath.split(separator: "/").dropLast(3).reduce("") { "\($0)/\($1)" } + "/Golden/openapi.json"
  private static let renewal = "RENEW_GOLDEN=1 swift test --filter OpenAPIGoldenTests"

  @Test func `the document of the API equals the reviewed one`() async throws {
    let answer = try await RunningServer.shared(.plain).client().request("GET", "/api/v1/openapi.json")
    try #require(answer.status == 200)
    let served = Self.lines(try JSONValue.parse(answer.body.span, limits: JSONValueLimits(bytes: 64 << 20)))
    if getenv("RENEW_GOLDEN") != nil {
      try Array(served.joined(separator: "\n").utf8 + [0x0A]).write(to: Self.path)
    }
    let golden = String(decoding: try LocalFile.read(Self.path, maximumBytes: 16 << 20) ?? [], as: UTF8.self)
      .split(separator: "\n", omittingEmptySubsequences: true).map(String.init)
    let difference = served.difference(from: golden)
    let told = difference.prefix(40).map { change in
      switch change {
      case .insert(_, let line, _): "+ \(line)"
      case .remove(_, let line, _): "- \(line)"
      }
    }
    #expect(
      difference.isEmpty,
      "\(difference.count) lines differ. If that is wanted: \(Self.renewal), and commit it.\n\(told.joined(separator: "\n"))"
    )
  }

  /// One member or element per line, so that one change is a change of one line.
  private static func lines(_ value: JSONValue, indent: String = "", name: String = "", comma: String = "") -> [String]
  {
    func block(_ open: String, _ close: String, _ inner: [(name: String, value: JSONValue)]) -> [String] {
      if inner.isEmpty { return [indent + name + open + close + comma] }
      let lines = inner.enumerated().flatMap { index, member in
        Self.lines(
          member.value, indent: indent + "  ", name: member.name, comma: index + 1 < inner.count ? "," : "")
      }
      return [indent + name + open] + lines + [indent + close + comma]
    }
    switch value {
    case .object(let object): return block("{", "}", object.members.map { (text(.string($0.name)) + ": ", $0.value) })
    case .array(let elements): return block("[", "]", elements.map { ("", $0) })
    case .null, .bool, .integer, .double, .string: return [indent + name + text(value) + comma]
    }
  }

  private static func text(_ value: JSONValue) -> String {
    var writer = JSONWriter()
    writer.value(value)
    return String(decoding: writer.finish().withUnsafeBytes { Array($0) }, as: UTF8.self)
  }
}

extension [UInt8] {
  fileprivate func write(to path: String) throws {
    guard let file = fopen(path, "w") else { throw FileError(call: "open", path: path, errno: errno) }
    let written = fwrite(self, 1, count, file)
    let status = fclose(file)
    if written != count || status != 0 { throw FileError(call: "open", path: path, errno: errno) }
  }
}
