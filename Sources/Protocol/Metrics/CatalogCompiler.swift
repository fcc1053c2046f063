// Flattens the declarations of metric types. A declaration that the decoder cannot handle ends the process at start.

/// Builds the arrays of a `CompiledCatalog`.
struct CatalogCompiler {
  private(set) var declared: [MetricTable] = []
  private(set) var tables: [TablePlan] = []
  private(set) var rowKeys: [RowKey] = []
  private(set) var distinctSlots: [UInt8] = []
  private(set) var additions: [Addition] = []
  private(set) var types: [TypePlan] = []
  private(set) var levels: [LevelPlan] = []
  private(set) var fields: [FieldPlan] = []
  private(set) var names: [UInt8] = []

  /// The table that the scalars of the current level fill. A level and its nested objects give at most one row, to one
  /// table.
  private var header: String?

  mutating func add(_ type: MetricType) {
    for table in type.tables { add(table) }
    header = nil
    let own = [
      FieldPlan(name: name("type"), rule: .type), FieldPlan(name: name("timestamp"), rule: .timestamp),
    ]
    let level = add(type.fields, own: own, typeName: type.name)
    let databases = levels[level].fields.range.first { fields[$0].rule == .databases }
    types.append(
      TypePlan(
        name: name(type.name), level: level, databaseLevel: databases.map { fields[$0].level } ?? -1,
        hasDatabase: levels[level].fields.range.contains { fields[$0].rule == .database }))
  }

  private mutating func name(_ text: String) -> Place {
    let place = Place(start: names.count, count: text.utf8.count)
    names += text.utf8
    return place
  }

  private mutating func add(_ table: MetricTable) {
    precondition(!declared.contains { $0.name == table.name }, "\(table.name): two types fill this table")
    precondition(
      table.object.count + table.columns.count <= CompiledCatalog.mostSlots, "\(table.name): too many columns")
    let firstKey = rowKeys.count
    for key in table.object { rowKeys.append(RowKey(name: name(key), kind: .object)) }
    for column in table.columns {
      precondition(!table.object.contains(column.key), "\(table.name): a key names both the object and a column")
      rowKeys.append(RowKey(name: name(column.key), kind: column.isMade ? .made : RowKey.Kind(column.kind)))
    }
    // Safety: MetricTable's initialiser has checked that each name is a column.
    func slot(_ name: String) -> Int { table.object.count + table.columns.firstIndex { $0.name == name }! }
    let distinct = table.distinct.map { UInt8(slot($0)) }
    var interned: UInt64 = 0
    for (index, column) in table.columns.enumerated() where column.kind == .interned {
      interned |= 1 << UInt64(table.object.count + index)
    }
    var identity: UInt64 = (1 << UInt64(table.object.count)) - 1
    let equals: TablePlan.Equals
    switch table.equals {
    case .each: equals = .each
    case .logLines:
      precondition(!tables.contains { $0.equals == .logLines }, "\(table.name): only one table can hold log lines")
      precondition(table.object.isEmpty, "\(table.name): log lines cannot have an object")
      equals = .logLines
    case .toldApartByPlace: equals = .toldApartByPlace
    case .addedUp(let adding):
      equals = .addedUp(additions.count)
      additions.append(Addition(table, adding, slot))
    }
    // Rows of the kinds `each` and `logLines` don't form series, so such a row is kept even without its distinct
    // values.
    if table.equals != .each, table.equals != .logLines { for slot in distinct { identity |= 1 << UInt64(slot) } }
    let numerics = table.columns.count { $0.kind == .numeric }
    let kind = Array(table.name.utf8)
    tables.append(
      TablePlan(
        name: name(table.name), hasDatabase: table.hasDatabase, firstKey: firstKey, objectCount: table.object.count,
        slotCount: table.object.count + table.columns.count,
        distinct: Place(start: distinctSlots.count, count: distinct.count), identity: identity, equals: equals,
        interned: interned,
        fieldCount: 2 + (table.hasDatabase ? 1 : 0) + (table.object.isEmpty ? 0 : 1) + table.columns.count + numerics
          + 1,
        fixedBytes: 2 + 12 + 8 + 12 + 12 + 12 * table.columns.count + CopyTupleWriter.mostNumericBytes * numerics + 5,
        objectSeed: StableHash.xxh64(kind.span, seed: RowEncoder.objectSeed)))
    distinctSlots += distinct
    declared.append(table)
  }

  private mutating func add(_ declared: [MetricType.Field], own: [FieldPlan], typeName: String) -> Int {
    var plans = own
    for field in declared {
      let key = name(field.key)
      switch field.rule {
      case .database: plans.append(FieldPlan(name: key, rule: .database))
      case .ignored: plans.append(FieldPlan(name: key, rule: .ignored))
      case .rows(let table): plans.append(FieldPlan(name: key, rule: .rows, table: index(table)))
      case .texts(let table):
        let kind = table.columns.first?.kind
        precondition(
          table.columns.count == 1 && table.object.isEmpty && (kind == .text || kind == .interned),
          "\(table.name): an array of texts fills one column of texts")
        plans.append(FieldPlan(name: key, rule: .texts, table: index(table)))
      case .column(let table, let column):
        precondition(header == nil || header == table.name, "\(typeName): the scalars of one level fill two tables")
        precondition(table.object.isEmpty, "\(table.name): a row of scalars cannot have an object")
        header = table.name
        // Safety: `Field.columns(of:)` made the field from the table's own columns.
        let slot = table.columns.firstIndex { $0.name == column.name }!
        plans.append(FieldPlan(name: key, rule: .column, table: index(table), slot: slot))
      case .nested(let inner):
        let level = add(inner, own: [], typeName: typeName)
        plans.append(FieldPlan(name: key, rule: .nested, level: level))
      case .databases(let inner):
        for case .rows(let table) in inner.map(\.rule) {
          precondition(table.equals != .logLines, "\(table.name): log lines of several databases in one metric")
        }
        let outer = header
        header = nil
        let level = add(inner, own: [FieldPlan(name: name("database"), rule: .database)], typeName: typeName)
        header = outer
        plans.append(FieldPlan(name: key, rule: .databases, level: level))
      }
    }
    precondition(plans.count <= 64, "\(typeName): too many fields in one object")
    precondition(Set(plans.map { names[$0.name.range] }).count == plans.count, "\(typeName): a key is declared twice")
    let place = Place(start: fields.count, count: plans.count)
    fields += plans
    levels.append(LevelPlan(fields: place))
    return levels.count - 1
  }

  private func index(_ table: MetricTable) -> Int {
    // Safety: `add(_ type:)` added every table that the type's fields mention.
    declared.firstIndex { $0.name == table.name }!
  }
}

extension RowKey.Kind {
  init(_ kind: MetricColumn.Kind) {
    self =
      switch kind {
      case .int8: .int8
      case .numeric: .numeric
      case .float8: .float8
      case .bool: .bool
      case .text: .text
      case .interned: .interned
      case .timestamp: .timestamp
      case .json: preconditionFailure("no key of a push has JSON for its value")
      }
  }
}
