// One condition on the labels of a server, as a client writes it: `key=value`, or `key=` for any value.

import Protocol

/// A condition on one label of a server.
struct LabelTerm: Hashable, Sendable {
  /// The name of the label.
  let name: String
  /// The value that the label has; nil if any value will do. The server must have the label in both cases.
  let value: String?

  /// The form of the query parameter: `name=value`, or `name=` for any value. A name has no `=`, and no value is empty,
  /// so the form has one meaning.
  var text: String { "\(name)=\(value ?? "")" }

  /// - Parameter text: the form that `text` has. Nil if the name or the value breaks its rule.
  init?(_ text: String) {
    guard let sign = text.unicodeScalars.firstIndex(of: "=") else { return nil }
    let name = String(text.unicodeScalars[..<sign])
    let value = String(text.unicodeScalars[text.unicodeScalars.index(after: sign)...])
    guard LabelRule.isName(name), value.isEmpty || LabelRule.isValue(value) else { return nil }
    self.name = name
    self.value = value.isEmpty ? nil : value
  }
}

extension FieldRule where Value == LabelTerm {
  /// The rule for a query parameter or a field that holds a condition on a label.
  static var labelTerm: FieldRule {
    var schema = Schema.string
    schema.pattern = LabelRule.termPattern
    return FieldRule(
      schema, standIn: LabelTerm(LabelRule.exampleTerm)!,
      expectation: "must be key=value, or key= for any value: \(LabelRule.sentence)",
      json: { if case .string(let text) = $0 { LabelTerm(text) } else { nil } }, text: { LabelTerm($0) })
  }
}
