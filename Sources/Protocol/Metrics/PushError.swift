// Why a push is refused as a whole, and why one metric of it is.

/// A push that is refused as a whole; nothing of it may be stored.
public struct PushError: Error, Sendable, Hashable {
  public enum Kind: Sendable, Hashable {
    /// The body is no JSON.
    case malformed(JSONDefect)
    /// The body is JSON, and not a push.
    case envelope(Envelope)
  }

  public enum Envelope: String, Sendable, Hashable {
    case notAnObject = "not_an_object"
    case missingCollectorID = "missing_collector_id"
    case missingMetrics = "missing_metrics"
    case duplicateKey = "duplicate_key"
    case wrongType = "wrong_type"
    case badText = "bad_text"
    case tooLong = "too_long"
    /// More encoded bytes than `PushLimits.encodedBytes`.
    case tooManyRows = "too_many_rows"
    /// More elements of `metrics` than `PushLimits.metrics`.
    case tooManyMetrics = "too_many_metrics"
  }

  public let kind: Kind
  /// Where in the (inflated) body: the offending byte, or the start of the offending value.
  public let offset: Int

  public init(kind: Kind, offset: Int) {
    self.kind = kind
    self.offset = offset
  }
}

/// Why one metric is refused. The raw values are part of the API.
public enum RejectCode: String, Sendable, Hashable, CaseIterable {
  case notAnObject = "not_an_object"
  case missingType = "missing_type"
  case missingTimestamp = "missing_timestamp"
  case badTimestamp = "bad_timestamp"
  case tooOld = "too_old"
  case tooNew = "too_new"
  case wrongType = "wrong_type"
  case outOfRange = "out_of_range"
  case missingField = "missing_field"
  case duplicateKey = "duplicate_key"
  case badUTF8 = "bad_utf8"
  case nulCharacter = "nul_character"
  case badUnicode = "bad_unicode"
  case stringTooLong = "string_too_long"
  case metricTooLarge = "metric_too_large"
}

/// A metric that was not stored.
public struct RejectedMetric: Sendable, Hashable {
  /// The position in `metrics`, from 0.
  public let index: Int
  /// The metric's `type`, cut to 64 bytes; "" if it is not known.
  public let type: String
  public let code: RejectCode
  /// Where in the metric: a JSON path such as `tables[3].live_tuples`; "" for the metric itself.
  public let path: String

  public var message: String {
    let fact =
      switch code {
      case .notAnObject: "not an object"
      case .missingType: "no type"
      case .missingTimestamp: "no timestamp"
      case .badTimestamp: "not a timestamp"
      case .tooOld: "before the time window"
      case .tooNew: "after the time window"
      case .wrongType: "not of the declared type"
      case .outOfRange: "out of range"
      case .missingField: "missing"
      case .duplicateKey: "given twice"
      case .badUTF8: "not UTF-8"
      case .nulCharacter: "contains U+0000"
      case .badUnicode: "contains a lone surrogate"
      case .stringTooLong: "too long"
      case .metricTooLarge: "too large to be decoded in this order of keys"
      }
    return path.isEmpty ? fact : "\(path): \(fact)"
  }
}

/// What came of a push so far.
public struct PushSummary: Sendable, Hashable {
  public internal(set) var collectorID: String?
  public internal(set) var hostname: String?
  public internal(set) var timestamp: String?
  public internal(set) var version: String?
  /// Elements of `metrics`.
  public internal(set) var metricsReceived = 0
  public internal(set) var metricsStored = 0
  /// The first time of a metric that could be read, whether it may be stored or not, in PostgreSQL's microseconds. A push
  /// that begins with the metrics of another one, of which any had such a time, has the same.
  public internal(set) var firstTime: Int64?
  /// Rows of metrics; those of `texts` and `objects` are not counted.
  public internal(set) var rows = 0
  /// Rows that repeated an earlier one of the push and were left out.
  public internal(set) var rowsRepeated = 0
  /// The first `PushLimits.reportedRejects` of them.
  public internal(set) var rejected: [RejectedMetric] = []
  public internal(set) var rejectedTotal = 0
  /// All of them, by why.
  public internal(set) var rejectedByCode: [RejectCode: Int] = [:]

  /// Of a push of which nothing was read.
  public init() {}
}
