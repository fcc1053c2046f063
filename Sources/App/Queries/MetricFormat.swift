/// What the rows of an answer are written as.
enum MetricFormat: Sendable, CaseIterable {
  case json
  /// RFC 4180 with a line of names; an empty field is no value, `""` an empty text.
  case csv
  /// A JSON object a line.
  case lines

  var type: MediaType {
    switch self {
    case .json: .json
    case .csv: .csv
    case .lines: .jsonLines
    }
  }

  init?(_ type: MediaType) {
    guard let format = Self.allCases.first(where: { $0.type == type }) else { return nil }
    self = format
  }
}
