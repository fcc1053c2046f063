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
  /// The member that was being read, as a JSON path: `collector_id`, `metrics[3]`; "" for the body itself.
  public let path: String

  public init(kind: Kind, offset: Int, path: String = "") {
    self.kind = kind
    self.offset = offset
    self.path = path
  }
}

/// Why a metric or a row of it is refused, or a value not stored as it was sent. The raw values are part of the API.
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
  case rowTooLarge = "row_too_large"
  case valueTooLarge = "value_too_large"
}

/// A metric, or a row of one, that was not stored.
public struct RejectedMetric: Sendable, Hashable {
  /// The position in `metrics`, from 0.
  public let index: Int
  /// The position of the row in its list, from 0; nil: the whole metric was not stored.
  public let row: Int?
  /// The metric's `type`, cut to 64 bytes; "" if it is not known.
  public let type: String
  public let code: RejectCode
  /// Where in the metric: a JSON path such as `tables[3].live_tuples`; "" for the metric itself.
  public let path: String

  public var message: String { path.isEmpty ? code.fact : "\(path): \(code.fact)" }
}

/// A value that was not stored as it was sent; its row was stored.
public struct AlteredValue: Sendable, Hashable {
  public enum Action: String, Sendable, Hashable, CaseIterable {
    /// A text: what is no character became U+FFFD, what is beyond the limit was cut off.
    case mended
    /// Nothing was stored in its place.
    case null
  }

  /// What was done, and why.
  public struct Kind: Sendable, Hashable {
    public let code: RejectCode
    public let action: Action

    public init(_ code: RejectCode, _ action: Action) {
      self.code = code
      self.action = action
    }
  }

  /// The position of the metric in `metrics`, from 0.
  public let index: Int
  /// The position of the row in its list, from 0; nil: the value is the metric's own.
  public let row: Int?
  /// Where in the metric: a JSON path such as `queries[51].text`.
  public let path: String
  public let kind: Kind
}

extension RejectCode {
  /// Completes "<path>: ".
  var fact: String {
    switch self {
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
    case .rowTooLarge: "a row that is too large"
    case .valueTooLarge: "a value that is too large"
    }
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
  /// Rows that were added to an earlier one of their list.
  public internal(set) var rowsAddedUp = 0
  /// Metrics and rows that were not stored: the first `PushLimits.reportedRejects` of them.
  public internal(set) var rejected: [RejectedMetric] = []
  /// Metrics that were not stored.
  public internal(set) var rejectedTotal = 0
  /// All of them, by why.
  public internal(set) var rejectedByCode: [RejectCode: Int] = [:]
  /// Rows that were not stored, of metrics that were.
  public internal(set) var rowsRejected = 0
  public internal(set) var rowsRejectedByCode: [RejectCode: Int] = [:]
  /// The first `PushLimits.reportedRejects` of them.
  public internal(set) var altered: [AlteredValue] = []
  public internal(set) var valuesMended = 0
  public internal(set) var valuesNull = 0
  public internal(set) var alteredByKind: [AlteredValue.Kind: Int] = [:]

  /// Whether something of the push was not stored; a value that was altered does not count.
  public var isPartial: Bool { rejectedTotal > 0 || rowsRejected > 0 }

  /// Of a push of which nothing was read.
  public init() {}
}
