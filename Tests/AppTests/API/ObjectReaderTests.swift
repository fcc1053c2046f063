import Protocol
import Testing

@testable import App

/// The example with these members replaced. A nil value removes the member.
private func body(_ changes: [String: JSONValue?]) -> JSONValue {
  guard case .object(var object) = NewThing.example else { return .null }
  for (name, value) in changes { object[name] = value }
  return .object(object)
}

private func details(_ value: JSONValue) -> String? {
  do throws(Problem) {
    _ = try NewThing.decode(value)
    return nil
  } catch {
    return error.kind == .validationFailed ? error.details : "not validation_failed but \(error)"
  }
}

@Suite struct ObjectReaderTests {
  @Test func `a body decodes as its example shows, and absent fields get defaults`() throws {
    let thing = try NewThing.decode(NewThing.example)
    #expect(thing.name == "bell" && thing.size == 3 && thing.colour == .red && thing.id == collectorID)
    #expect(thing.isLoud && thing.weight == nil && thing.tags == [] && thing.others == [] && thing.note == .keep)
    #expect(thing.keep == .seconds(3600) && thing.owner.name == "Ada" && thing.owner.mail == nil)
  }

  @Test func `every kind of field is decoded`() throws {
    let thing = try NewThing.decode(
      body([
        "weight": 1, "is_loud": false, "keep": "2d", "tags": ["a", "b"], "others": [["name": "B"], ["name": "C"]],
        "note": nil as JSONValue, "size": .double(4),
      ]))
    #expect(thing.weight == 1 && !thing.isLoud && thing.keep == .seconds(172_800) && thing.tags == ["a", "b"])
    #expect(thing.others.map(\.name) == ["B", "C"] && thing.note == .clear && thing.size == 4)
    #expect(try NewThing.decode(body(["note": "x"])).note == .set("x"))
  }

  @Test(
    arguments: [
      (["name": nil], "name is missing"),
      (["name": .some(.null)], "name is missing"),
      (["name": ""], "name must be a text of 1 to 8 characters on one line"),
      (["name": "123456789"], "name must be a text of 1 to 8 characters on one line"),
      (["name": "a\nb"], "name must be a text of 1 to 8 characters on one line"),
      (["name": "a\0b"], "name must be a text of 1 to 8 characters on one line"),
      (["name": 5], "name must be a text of 1 to 8 characters on one line"),
      (["size": 0], "size must be a whole number from 1 to 9"),
      (["size": 10], "size must be a whole number from 1 to 9"),
      (["size": 1.5], "size must be a whole number from 1 to 9"),
      (["size": .double(1e300)], "size must be a whole number from 1 to 9"),
      (["size": "3"], "size must be a whole number from 1 to 9"),
      (["weight": 1.6], "weight must be a number from 0.0 to 1.5"),
      (["weight": true], "weight must be a number from 0.0 to 1.5"),
      (["colour": "blue"], "colour must be one of red, green"),
      (["is_loud": "yes"], "is_loud must be true or false"),
      (["id": "1"], "id must be a UUID"),
      (["keep": "59s"], "keep must be a duration from 1m to 1w: a number with the unit s, m, h, d or w"),
      (["keep": "1y"], "keep must be a duration from 1m to 1w: a number with the unit s, m, h, d or w"),
      (["tags": ["a", "b", "c"]], "tags must be an array of 0 to 2 elements"),
      (["tags": ["a", 1]], "tags[1] must be a text of 1 to 5 characters on one line"),
      (["owner": 1], "owner must be an object"),
      (["owner": [:]], "owner.name is missing"),
      (["owner": ["name": "a", "x": 1]], "owner has no field \"x\""),
      (["owner": ["name": "a", "mail": "no"]], "owner.mail must be an e-mail address"),
      (["others": [["name": "a"], ["name": 1]]], "others[1].name must be a text of 1 to 10 characters on one line"),
      (["extra": 1], "there is no field \"extra\""),
      (["until": "2026-01-01T00:00:00Z"], "until must be later than from"),
    ] as [([String: JSONValue?], String)])
  func `a refusal names the wrong field and its fault`(changes: [String: JSONValue?], fault: String) {
    #expect(details(body(changes)) == fault)
  }

  @Test func `a refusal lists all faults at once`() {
    let wrong = body(["name": 1, "size": 0, "owner": ["name": 2, "y": 3], "z": 1])
    #expect(
      details(wrong) == """
        name must be a text of 1 to 8 characters on one line; size must be a whole number from 1 to 9; \
        owner.name must be a text of 1 to 10 characters on one line; owner has no field "y"; there is no field "z"
        """)
  }

  @Test func `a refusal lists twenty faults, counts the others and shortens long names`() throws {
    var members: [String: JSONValue?] = [:]
    for number in 0..<23 { members["x\(number)"] = .some(1) }
    let told = try #require(details(body(members)))
    #expect(told.hasSuffix("; and 3 more") && told.split(separator: ";").count == 21)
    let long = body([String(repeating: "é", count: 65): .some(1)])
    #expect(details(long) == "there is no field \"\(String(repeating: "é", count: 64))…\"")
  }

  @Test func `rules between fields are not checked while a field is wrong`() {
    #expect(details(body(["until": "2025-01-01T00:00:00Z", "size": 0])) == "size must be a whole number from 1 to 9")
  }

  @Test(arguments: [JSONValue.null, [], "x", 1])
  func `a body that is not an object is refused`(value: JSONValue) {
    #expect(details(value) == "the body must be an object")
  }

  @Test func `a schema describes the fields that the type decodes, in order`() {
    let schema = NewThing.schema
    #expect(schema.name == "NewThing" && schema.isClosed)
    #expect(
      schema.properties.map(\.name) == [
        "name", "size", "weight", "colour", "is_loud", "id", "from", "until", "keep", "tags", "owner", "others", "note",
      ])
    #expect(
      schema.properties.filter(\.isRequired).map(\.name) == ["name", "size", "colour", "id", "from", "until", "owner"])
    #expect(schema.properties[0].schema.description == "What it is called.")
    #expect(schema.namedObjects.map(\.name) == ["Owner", "Owner", "NewThing"])
  }

  /// The schema and the decoder agree: a missing property is a fault if and only if the schema requires it, and the
  /// decoder knows every property of the schema.
  @Test func `the decoder requires the properties that the schema requires, and knows all of them`() {
    for property in NewThing.schema.properties {
      #expect(details(body([property.name: nil])) == (property.isRequired ? "\(property.name) is missing" : nil))
      let unknown = details(body([property.name: .some(["impossible": 1])])) ?? ""
      #expect(unknown.hasPrefix(property.name), "\(property.name): \(unknown)")
    }
  }

  @Test func `a schema has limits, formats and defaults`() throws {
    var json = JSONWriter()
    NewThing.schema.writeInline(to: &json)
    let buffer = json.finish()
    let properties = try #require(try JSONValue.parse(buffer.span)["properties"])
    #expect(properties["size"] == ["type": "integer", "format": "int32", "minimum": 1, "maximum": 9])
    #expect(
      properties["weight"] == ["type": ["number", "null"], "format": "double", "minimum": .double(0), "maximum": 1.5])
    #expect(properties["colour"] == ["type": "string", "enum": ["red", "green"]])
    #expect(properties["is_loud"] == ["type": "boolean", "default": true])
    #expect(properties["id"] == ["type": "string", "format": "uuid"])
    #expect(properties["owner"] == ["$ref": "#/components/schemas/Owner"])
    #expect(properties["tags"]?["maxItems"] == 2 && properties["tags"]?["minItems"] == nil)
    #expect(properties["name"]?["minLength"] == 1 && properties["name"]?["maxLength"] == 8)
  }
}
