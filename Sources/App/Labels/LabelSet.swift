// The labels of a server or of a registration secret. In answers and bodies they are an object of texts, and in the
// database rows of `labels` or one `jsonb` document.

import Protocol

/// Labels by their names.
struct LabelSet: Hashable, Sendable {
  let values: [String: String]

  init(_ values: [String: String] = [:]) { self.values = values }

  /// Reads labels of the form `name=value`, from the command line.
  /// - Parameter most: the largest number of labels.
  /// - Throws: `LabelFault` with a sentence.
  init(texts: [String], most: Int) throws(LabelFault) {
    var values: [String: String] = [:]
    for text in texts {
      guard let term = LabelTerm(text), let value = term.value else {
        throw LabelFault("\(FieldErrors.quoted(text)) is no label of the form key=value: \(LabelRule.sentence)")
      }
      if values.updateValue(value, forKey: term.name) != nil {
        throw LabelFault("the label \(term.name) is given twice")
      }
    }
    self.init(values)
    if let fault = fault(most: most) { throw LabelFault("a server \(fault)") }
  }

  /// The object with its members in the order of their names.
  var object: JSONObject {
    var object = JSONObject()
    for (name, value) in values.sorted(by: { $0.key < $1.key }) { object[name] = .string(value) }
    return object
  }

  /// The object as a JSON text. Equal labels have the same text.
  var text: String {
    var json = JSONWriter()
    json.value(.object(object))
    return json.finish().withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
  }

  /// Completes "<subject> …" if there are too many labels. - Parameter most: the setting `labels_per_server`.
  func fault(most: Int) -> String? {
    values.count <= most ? nil : "would have \(values.count) labels, and `labels_per_server` permits \(most)"
  }
}

/// The reason that labels are refused, as a sentence without a full stop.
struct LabelFault: Error, Equatable, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}

extension LabelSet: SQLValue {
  static var type: SQLType { .jsonb }
  static var standIn: LabelSet { LabelSet() }
  func append(to bytes: inout [UInt8]) { JSONText(text).append(to: &bytes) }

  static func decode(_ bytes: Span<UInt8>?) throws(SQLValueError) -> LabelSet {
    let text = try JSONText.decode(bytes).text
    let tree: JSONValue
    do throws(JSONValueError) { tree = try JSONValue.parse(Array(text.utf8).span) } catch { throw .malformed }
    guard case .object(let object) = tree else { throw .malformed }
    var values: [String: String] = [:]
    for member in object.members {
      guard case .string(let value) = member.value else { throw .malformed }
      values[member.name] = value
    }
    return LabelSet(values)
  }
}

extension LabelSet: ResponseValue {
  static var schema: Schema { LabelRule.schema(isNullable: false) }
  func write(to json: inout JSONWriter) { json.value(.object(object)) }
}

extension FieldRule where Value == LabelSet {
  /// An object of labels.
  static var labels: FieldRule {
    FieldRule(LabelRule.schema(isNullable: false), standIn: LabelSet()) { value, path, errors in
      LabelRule.read(value, path, &errors) { name, value, errors in
        guard case .string(let text) = value, LabelRule.isValue(text) else {
          errors.add("\(path).\(name)", LabelRule.valueSentence)
          return nil
        }
        return text
      }.map { LabelSet($0) }
    }
  }
}
