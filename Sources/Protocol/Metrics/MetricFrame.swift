// The decoder's position in a push: the open containers, and what each of them expects next.

/// One open container.
struct MetricFrame: BitwiseCopyable {
  enum Kind: BitwiseCopyable {
    case root, metrics, metric, nested
    case databasesObject, databasesArray, database
    case rows, texts

    var isObject: Bool {
      switch self {
      case .root, .metric, .nested, .databasesObject, .database: true
      case .metrics, .databasesArray, .rows, .texts: false
      }
    }
  }

  /// What comes next. An object goes through first → colon → value → next → key → colon ...; an array through first →
  /// next → value ...
  enum Phase: BitwiseCopyable {
    /// A first key or element, or the end.
    case first
    case key, colon, value
    /// A comma, or the end.
    case next
  }

  /// The key whose value is being read.
  enum Field: Equatable, BitwiseCopyable {
    case none
    case known(Int)
    case unknown
  }

  let kind: Kind
  var phase = Phase.first
  /// For an object with declared fields: its index in the catalog's levels.
  var level = -1
  /// For an array: the index of its table in the catalog.
  var table = -1
  var field = Field.none
  /// For an array: the index of the element that is being read.
  var index = 0
  /// Bit n: field n of the level has occurred.
  var seen: UInt64 = 0
  /// Whether the object of leftovers for this container has been opened.
  var isInLeftovers = false

  init(_ kind: Kind, level: Int = -1, table: Int = -1) {
    self.kind = kind
    self.level = level
    self.table = table
  }
}

/// The open containers; the outermost comes first. The catalog's nesting bounds their number.
struct MetricFrames: ~Copyable {
  static let capacity = 16

  private var frames = FixedStorage(repeating: MetricFrame(.root), count: capacity)
  private(set) var count = 0

  subscript(index: Int) -> MetricFrame {
    get { frames[index] }
    set { frames[index] = newValue }
  }

  var top: MetricFrame {
    get { frames[count - 1] }
    set { frames[count - 1] = newValue }
  }

  mutating func push(_ frame: MetricFrame) {
    frames[count] = frame
    count += 1
  }

  mutating func pop() { count -= 1 }
  mutating func truncate(to newCount: Int) { count = newCount }

  /// Call it when the value of the current key, or the current element, has been read.
  mutating func valueEnded() {
    if count == 0 { return }
    frames[count - 1].phase = .next
    frames[count - 1].field = .none
  }
}
