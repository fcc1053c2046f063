import Protocol

/// Thresholds that a client names, with their numbers; nil for the default.
struct ThresholdChange: Hashable, Sendable {
  let values: [String: Double?]

  init(_ values: [String: Double?] = [:]) { self.values = values }

  /// The thresholds of a check after the change. - Parameter old: those that differ from the defaults.
  /// - Throws: `.validationFailed`
  func applied(to old: [String: Double], of check: Check) throws(Problem) -> [String: Double] {
    var new = old
    var errors = FieldErrors()
    for (name, value) in values.sorted(by: { $0.key < $1.key }) {
      guard let threshold = check.thresholds.first(where: { $0.name == name }) else {
        errors.add("thresholds", "has no field \(FieldErrors.quoted(name)): \(check.name) has \(check.thresholdNames)")
        continue
      }
      if let value, !threshold.range.contains(value) {
        errors.add(
          "thresholds.\(name)", "must be a number from \(threshold.range.lowerBound) to \(threshold.range.upperBound)")
      }
      new[name] = value
    }
    if !errors.isEmpty { throw Problem(.validationFailed, errors.details) }
    return new
  }
}

extension Check {
  fileprivate var thresholdNames: String {
    thresholds.isEmpty ? "none" : thresholds.map(\.name).joined(separator: ", ")
  }
}

extension FieldRule where Value == ThresholdChange {
  /// An object with a number, or null, for each name. Whether the check has such thresholds is known only later.
  static var thresholds: FieldRule {
    let schema = Schema.map(of: Schema.double.nullable, names: "^[a-z_]{1,63}$")
    return FieldRule(schema, standIn: ThresholdChange()) { value, path, errors in
      guard case .object(let object) = value else {
        errors.add(path, "must be an object")
        return nil
      }
      var values: [String: Double?] = [:]
      for member in object.members {
        switch member.value {
        case .null: values[member.name] = .some(nil)
        case .integer(let number): values[member.name] = Double(number)
        case .double(let number): values[member.name] = number
        case .bool, .string, .array, .object:
          errors.add("\(path).\(FieldErrors.quoted(member.name))", "must be a number or null")
        }
      }
      return ThresholdChange(values)
    }
  }
}
