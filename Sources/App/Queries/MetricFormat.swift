/// The format in which the rows of an answer are written.
enum MetricFormat: Sendable, CaseIterable {
  case json
  /// RFC 4180 with a header line. An empty field is NULL, `""` is an empty text.
  case csv
  /// One JSON object per line.
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
