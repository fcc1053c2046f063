// The catalog as the decoder wants it: flat arrays of small values, indices instead of names.

/// All metric declarations, compiled once at start and shared by every decoder.
public struct CompiledCatalog: Sendable {
  /// Every table that a push can fill: the metric tables in catalog order, then `unknown_metrics`, `texts`, `objects`.
  public let targets: [CopyTarget]
  public var unknownMetricsTarget: Int { targets.count - 3 }
  public var textsTarget: Int { targets.count - 2 }
  public var objectsTarget: Int { targets.count - 1 }
  /// The table of the log's lines, if there is one.
  public let logTarget: Int?

  let tables: [TablePlan]
  /// Of each table in turn, in the order of slots: first the keys that name the object, then the columns.
  let rowKeys: [RowKey]
  let patterns: [KeyPattern]
  /// Of each table in turn: the slots of the columns that tell rows apart.
  let distinctSlots: [UInt8]
  /// Of the tables whose equal rows are added up.
  let additions: [Addition]
  let types: [TypePlan]
  let levels: [LevelPlan]
  let fields: [FieldPlan]
  /// The bytes of all names; plans hold ranges of it.
  let names: [UInt8]
  let tableNames: [String]
  let typeNames: [String]

  /// More slots than this do not fit the masks of a row.
  static let mostSlots = 64

  public init(types: [MetricType] = MetricCatalog.types) {
    var compiler = CatalogCompiler()
    for type in types { compiler.add(type) }
    tables = compiler.tables
    logTarget = compiler.tables.firstIndex { $0.equals == .logLines }
    rowKeys = compiler.rowKeys
    patterns = compiler.rowKeys.map { $0.kind == .made ? KeyPattern() : KeyPattern(compiler.names[$0.name.range]) }
    additions = compiler.additions
    distinctSlots = compiler.distinctSlots
    self.types = compiler.types
    levels = compiler.levels
    fields = compiler.fields
    names = compiler.names
    tableNames = compiler.declared.map(\.name)
    typeNames = types.map(\.name)
    let metric = compiler.declared.enumerated().map { CopyTarget.metric($1, index: $0) }
    targets =
      metric + [
        .unknownMetrics(index: metric.count), .texts(index: metric.count + 1), .objects(index: metric.count + 2),
      ]
  }

  /// The type of this name.
  func type(named name: Span<UInt8>) -> Int? {
    types.firstIndex { isEqual($0.name, name) }
  }

  /// The field of a level with this key.
  func field(in level: Int, named name: Span<UInt8>) -> Int? {
    for index in levels[level].fields.range where isEqual(fields[index].name, name) { return index }
    return nil
  }

  /// The slot of a table's key.
  func slot(in plan: TablePlan, named name: Span<UInt8>) -> Int? {
    let first = plan.firstKey
    for slot in 0..<plan.slotCount where isEqual(rowKeys[first + slot].name, name) {
      return rowKeys[first + slot].kind == .made ? nil : slot
    }
    return nil
  }

  private func isEqual(_ place: Place, _ name: Span<UInt8>) -> Bool {
    guard place.count == name.count else { return false }
    for index in name.indices where names[place.start + index] != name[index] { return false }
    return true
  }

  func text(_ place: Place) -> String { String(decoding: names[place.range], as: UTF8.self) }

  /// The one type that has a container under this key, at metric level or below `databases`.
  func type(withContainer name: Span<UInt8>, inDatabases: Bool) -> Int? {
    var found: Int?
    for (index, type) in types.enumerated() {
      let level = inDatabases ? type.databaseLevel : type.level
      guard level >= 0, let field = field(in: level, named: name) else { continue }
      switch fields[field].rule {
      case .rows, .texts, .nested:
        if found != nil { return nil }
        found = index
      case .type, .timestamp, .database, .ignored, .column, .databases: break
      }
    }
    return found
  }
}

/// A range of `CompiledCatalog.names`, or of another flat array.
struct Place: Sendable {
  var start: Int
  var count: Int
  var range: Range<Int> { start..<start + count }
}

struct TablePlan: Sendable {
  let name: Place
  let hasDatabase: Bool
  /// Its slots are `rowKeys[firstKey ..< firstKey + slotCount]`; the first `objectCount` of them name the object.
  let firstKey: Int
  let objectCount: Int
  let slotCount: Int
  let distinct: Place
  /// The slots without which it is not known what a row is about.
  let identity: UInt64
  let equals: Equals
  /// The slots whose texts are stored apart.
  let interned: UInt64
  /// Fields of a tuple, and the bytes of one without its texts.
  let fieldCount: Int
  let fixedBytes: Int
  /// What the ids of the table's objects begin with.
  let objectSeed: UInt64

  var hasObject: Bool { objectCount > 0 }
  var objectMask: UInt64 { (1 << UInt64(objectCount)) - 1 }

  /// As `MetricTable.Equals`; with the index of the addition.
  enum Equals: Sendable, Equatable {
    case each, toldApartByPlace, logLines
    case addedUp(Int)
  }
}

struct RowKey: Sendable {
  enum Kind: UInt8, Sendable { case int8, numeric, float8, bool, text, interned, timestamp, object, made }

  let name: Place
  let kind: Kind
}

struct TypePlan: Sendable {
  let name: Place
  let level: Int
  /// The level below `databases`; -1 without one.
  let databaseLevel: Int
  let hasDatabase: Bool
}

/// The fields of one object, nested ones apart.
struct LevelPlan: Sendable {
  let fields: Place
}

struct FieldPlan: Sendable {
  enum Rule: UInt8, Sendable { case type, timestamp, database, ignored, column, nested, rows, texts, databases }

  let name: Place
  let rule: Rule
  var table = -1
  var slot = -1
  var level = -1
}

/// `"key":` as four words, to be compared with the text at once.
struct KeyPattern: Sendable {
  static let width = 32

  private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
  private var masks: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
  /// Bytes of `"key":`; 0 if it is too long for this, it is then found by name.
  let count: Int

  /// Matches nothing.
  init() { count = 0 }

  init(_ name: ArraySlice<UInt8>) {
    let text = [0x22] + name + [0x22, 0x3A]
    guard text.count <= Self.width else {
      count = 0
      return
    }
    count = text.count
    func word(_ index: Int) -> (UInt64, UInt64) {
      var word: UInt64 = 0
      var mask: UInt64 = 0
      for lane in 0..<8 where index * 8 + lane < text.count {
        word |= UInt64(text[index * 8 + lane]) << UInt64(lane * 8)
        mask |= 0xFF << UInt64(lane * 8)
      }
      return (word, mask)
    }
    (words.0, masks.0) = word(0)
    (words.1, masks.1) = word(1)
    (words.2, masks.2) = word(2)
    (words.3, masks.3) = word(3)
  }

  /// Whether the text at `cursor` begins with it. - Precondition: `width` bytes are there.
  @inline(__always)
  func matches(_ cursor: borrowing JSONCursor) -> Bool {
    let start = cursor.position
    var difference = (cursor.uncheckedWord(at: start) ^ words.0) & masks.0
    difference |= (cursor.uncheckedWord(at: start + 8) ^ words.1) & masks.1
    if count > 16 {
      difference |= (cursor.uncheckedWord(at: start + 16) ^ words.2) & masks.2
      difference |= (cursor.uncheckedWord(at: start + 24) ^ words.3) & masks.3
    }
    return difference == 0 && count > 0
  }
}
