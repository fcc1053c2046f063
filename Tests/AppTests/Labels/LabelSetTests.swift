import Protocol
import Testing

@testable import App

/// Labels in bodies, in the database and on the command line.
@Suite struct LabelSetTests {
  private struct Body: RequestBody {
    static let example: JSONValue = ["labels": ["env": "a"], "change": ["env": nil]]
    let labels: LabelSet
    let change: LabelChange

    init(from object: inout ObjectReader) {
      labels = object.optional("labels", .labels, default: LabelSet(), .object(JSONObject()))
      change = object.optional("change", .labelChange, default: LabelChange(), .object(JSONObject()))
    }
  }

  @Test func `a set and a change are objects of texts, and a change may have nulls`() throws {
    let body = try Body.decode(["labels": ["b": "2", "a": "1"], "change": ["x": nil, "y": "1"]])
    #expect(body.labels == LabelSet(["a": "1", "b": "2"]))
    #expect(body.labels.text == #"{"a":"1","b":"2"}"#)
    #expect(body.change == LabelChange(["x": nil, "y": "1"]))
    #expect(JSONValue.object(body.change.object) == ["x": nil, "y": "1"])
    #expect(try Body.decode([:]).labels == LabelSet())
  }

  @Test func `each fault names its label`() {
    do throws(Problem) {
      _ = try Body.decode(["labels": ["a": nil, "b c": "1", "d": 1], "change": ["e": "", "f": "1"]])
      Issue.record("the labels are wrong")
    } catch {
      let text = "must be a text of 1 to 255 characters on one line"
      #expect(
        error.details == """
          labels.a \(text); labels has the key "b c": a key has 1 to 63 letters, digits, _, . and -, and begins with a letter \
          or _; labels.d \(text); change.e \(text), or null
          """)
    }
  }

  @Test func `the schema has the pattern of names and of values`() throws {
    var json = JSONWriter()
    LabelChange.rule.schema.write(to: &json)
    let bytes = json.finish().withUnsafeBytes { Array($0) }
    let schema = try JSONValue.parse(bytes.span)
    guard case .object(let object) = schema, case .object(let member)? = object["additionalProperties"] else {
      Issue.record("\(schema)")
      return
    }
    #expect(object["propertyNames"] == ["pattern": .string(LabelRule.namePattern)])
    #expect(member["type"] == ["string", "null"])
    #expect(member["pattern"] == .string(LabelRule.valuePattern))
  }

  @Test func `a set survives the database's form`() throws {
    let labels = LabelSet(["env": "production", "note": "\"two\" = \u{1F600}"])
    var bytes: [UInt8] = []
    labels.append(to: &bytes)
    #expect(try LabelSet.decode(bytes.span) == labels)
    bytes.removeAll()
    JSONText(#"{"a":1}"#).append(to: &bytes)
    #expect(throws: SQLValueError.malformed) { try LabelSet.decode(bytes.span) }
  }

  @Test func `the command line gives labels as texts`() throws {
    #expect(try LabelSet(texts: ["a=1", "b=x=y"], most: 2) == LabelSet(["a": "1", "b": "x=y"]))
    for (texts, fault) in [
      (["a="], "form key=value"), (["1=a"], "form key=value"), (["a=1", "a=2"], "twice"),
      (["a=1", "b=1", "c=1"], "labels_per_server"),
    ] {
      do throws(LabelFault) {
        _ = try LabelSet(texts: texts, most: 2)
        Issue.record("\(texts) is wrong")
      } catch {
        #expect(error.description.contains(fault), "\(error)")
      }
    }
  }
}

extension LabelChange {
  fileprivate static var rule: FieldRule<LabelChange> { .labelChange }
}
