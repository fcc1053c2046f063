import Protocol
import Testing

@testable import App

private func encoded(_ body: some ResponseBody) -> String { String(decoding: ObjectWriter.encode(body), as: UTF8.self) }

@Suite struct ObjectWriterTests {
  @Test func `a nullable member is written as null, and an absent optional member is left out`() {
    #expect(
      encoded(Thing(id: collectorID)) == """
        {"id":"11111111-1111-4111-8111-111111111111","colour":"green","made_at":"1970-01-01T00:00:00Z","sizes":[1,2],\
        "score":null,"parent":null,"parents":[]}
        """)
  }

  @Test func `nested objects are written`() {
    let thing = Thing(
      id: collectorID, parent: .example, parents: [.example, Thing.Parent(name: "b")], score: 0.5, comment: "c")
    #expect(
      encoded(thing).hasSuffix(
        #""score":0.5,"comment":"c","parent":{"name":"tower"},"parents":[{"name":"tower"},{"name":"b"}]}"#))
  }

  @Test func `a schema describes the members that the example has and those that it lacks`() {
    let schema = Thing.schema
    #expect(
      schema.properties.map(\.name) == [
        "id", "colour", "made_at", "sizes", "score", "comment", "parent", "parents",
      ])
    #expect(schema.properties.filter { !$0.isRequired }.map(\.name) == ["comment"])
    #expect(schema.properties[0].schema == .uuid.described("Never changes."))
    #expect(schema.properties[1].schema.values == ["red", "green"])
    #expect(schema.properties[6].schema.isNullable && schema.properties[6].schema.name == "ThingParent")
    #expect(schema.properties[7].schema.element == [Thing.Parent.schema])
    #expect(!schema.isClosed)
  }

  @Test func `the schema of a nested object does not depend on its presence in the example`() {
    struct Full: ResponseBody {
      static let example = Full()
      func write(to object: inout ObjectWriter) {
        object.nullable("here", Thing.Parent.example)
        object.nullable("absent", nil as Thing.Parent?)
        object.member("always", Thing.Parent.example)
      }
    }
    let schemas = Full.schema.properties.map(\.schema)
    #expect(schemas[0] == schemas[1] && schemas[2].nullable == schemas[0])
  }

  @Test func `a page states the number of all pages`() throws {
    for (total, pages) in [(0, 0), (1, 1), (20, 1), (21, 2)] {
      var query = QueryReader.decoding([])
      let page = Page<Thing>([], of: total, PageSelection(from: &query))
      #expect(try JSONValue.parse(ObjectWriter.encode(page).span)["total_pages"] == .integer(Int64(pages)))
    }
    #expect(Page<Thing>.schema.name == "ThingPage")
  }
}
