// A small API with one endpoint of each kind, for the tests of the framework.

import Protocol

@testable import App

enum Colour: String, CaseIterable, ResponseValue { case red, green }

struct Owner: RequestBody, Equatable {
  let name: String
  let mail: String?

  static let example: JSONValue = ["name": "Ada", "mail": "ada@example.org"]

  init(from object: inout ObjectReader) {
    name = object.required("name", .string(1...10), "Who answers for it.")
    mail = object.optional("mail", .email)
  }
}

struct NewThing: RequestBody, Equatable {
  let name: String
  let size: Int
  let weight: Double?
  let colour: Colour
  let isLoud: Bool
  let id: UUID
  let from: Timestamp
  let until: Timestamp
  let keep: Duration
  let tags: [String]
  let owner: Owner
  let others: [Owner]
  let note: FieldChange<String>

  static let example: JSONValue = [
    "name": "bell", "size": 3, "colour": "red", "id": "11111111-1111-4111-8111-111111111111",
    "from": "2026-01-01T00:00:00Z", "until": "2026-01-02T00:00:00Z", "owner": ["name": "Ada"],
  ]

  init(from object: inout ObjectReader) {
    name = object.required("name", .string(1...8), "What it is called.")
    size = object.required("size", .integer(1...9))
    weight = object.optional("weight", .number(0...1.5))
    colour = object.required("colour", .choice())
    isLoud = object.optional("is_loud", .flag, default: true, true)
    id = object.required("id", .uuid)
    from = object.required("from", .instant)
    until = object.required("until", .instant)
    keep = object.optional("keep", .duration(.seconds(60)...(.seconds(604_800))), default: .seconds(3600), "1h")
    tags = object.optional("tags", .list(.string(1...5), count: 0...2), default: [], [])
    owner = object.required("owner", .object())
    others = object.optional("others", .list(.object(Owner.self), count: 0...3)) ?? []
    note = object.change("note", .string(0...20))
    object.require(from < until, "until", "must be later than from")
  }
}

struct Thing: ResponseBody {
  let id: UUID
  var parent: Parent?
  var parents: [Parent] = []
  var score: Double?
  var comment: String?

  struct Parent: ResponseBody {
    let name: String
    static let schemaName = "ThingParent"
    static let example = Parent(name: "tower")
    func write(to object: inout ObjectWriter) { object.member("name", name) }
  }

  static let example = Thing(id: UUID(high: 1, low: 2))

  func write(to object: inout ObjectWriter) {
    object.member("id", id, "Never changes.")
    object.member("colour", Colour.green)
    object.member("made_at", Timestamp(unixSeconds: 0))
    object.member("sizes", [1, 2])
    object.nullable("score", score)
    object.optional("comment", comment)
    object.nullable("parent", parent, "What it hangs in.")
    object.member("parents", parents)
  }
}

struct ThingQuery: QueryParameters, Equatable {
  let selection: PageSelection
  let colour: Colour?
  let since: Timestamp?
  let window: Duration
  let names: [String]

  init(from query: inout QueryReader) {
    selection = PageSelection(from: &query)
    colour = query.optional("colour", .choice(), "Only these.")
    since = query.optional("since", .instant)
    window = query.optional("window", .duration(.seconds(1)...(.seconds(86_400))), default: .seconds(300), "5m")
    names = query.list("name", .string(1...10), count: 0...3)
    query.require(selection.page < 100 || colour != nil, "page", "needs a colour from 100 on")
  }
}

struct TOMLText: TextBody {
  let text: String
  static let types = [MediaType.toml, MediaType.plainText]
  static let format = "toml"
  static let maximumBytes = 100
  static let example = "[collector]\nid = \"x\"\n"

  init(text: String) throws(Problem) { self.text = text }
}

enum Sample {
  static let things: [Endpoint] = [
    Endpoint(
      .get, "/api/v1/things", id: "listThings", tag: .servers, access: .user(.viewer), summary: "List things.",
      query: ThingQuery.self, returns: Page<Thing>.self
    ) { request, _ async throws(Problem) -> Page<Thing> in
      Page([], of: 41, request.query.selection)
    },
    Endpoint(
      .post, "/api/v1/things", id: "makeThing", tag: .servers, access: .user(.operator), summary: "Make a thing.",
      body: NewThing.self, returns: Thing.self, status: .created, problems: [.conflict]
    ) { request, _ async throws(Problem) -> Thing in
      if request.body.name == "taken" { throw Problem(.conflict, "name is taken") }
      return Thing(id: request.body.id)
    },
    Endpoint(
      .get, "/api/v1/things/{id:uuid}", id: "getThing", tag: .servers,
      access: .collectorOrUser(.viewer, certificate: .optional), summary: "One thing.", returns: Thing.self
    ) { request, _ async throws(Problem) -> Thing in
      Thing(id: request.path.uuid("id"))
    },
    Endpoint(
      .delete, "/api/v1/things/{id:uuid}", id: "deleteThing", tag: .servers, access: .user(.admin),
      summary: "Delete a thing.", returns: NoContent.self
    ) { _, _ async throws(Problem) -> NoContent in NoContent() },
    Endpoint(
      .put, "/api/v1/things/{id:uuid}/config", id: "putThingConfig", tag: .configuration, access: .user(.operator),
      summary: "Store a configuration.", body: TOMLText.self, returns: HTTPResponse.self,
      answers: [.text(.toml, example: "a = 1", fields: [.init(name: "ETag", schema: .string, prose: "The version.")])]
    ) { request, _ async throws(Problem) -> HTTPResponse in
      .text(request.body.text, type: "application/toml", fields: [EntityTag("v1").field])
    },
    Endpoint(
      .post, "/api/v1/tokens", id: "refreshToken", tag: .collectors, access: .collector(certificate: .required),
      summary: "A new token.", returns: Thing.self, answersFromHead: true
    ) { _, context async throws(Problem) -> Thing in
      Thing(id: UUID(high: 0, low: 0), comment: context.principal.actor)
    },
    Endpoint(
      ingest: .post, "/api/v1/push", id: "push", access: .collector(certificate: .required), summary: "Push.",
      description: "Metrics, plain or gzip.",
      fields: [.init(name: "Idempotency-Key", schema: .string, prose: "Names the push.")],
      input: .stream(
        .object(named: "Push", [.init(name: "collector_id", schema: .uuid)]),
        example: ["collector_id": "11111111-1111-4111-8111-111111111111"]),
      answer: .json(Thing.self)),
    Endpoint(
      .get, "/api/v1/numbers/{n:int}/{name}", id: "getNumber", tag: .system, access: .anyone, summary: "A number.",
      returns: HTTPResponse.self, answers: [.text(example: "7").or(.text(.csv, example: "7,8"))]
    ) { request, _ async throws(Problem) -> HTTPResponse in
      .text("\(request.path.integer("n")) \(request.path.text("name"))")
    },
    Endpoint(
      .post, "/api/v1/register", id: "register", tag: .collectors, access: .registrationSecret, summary: "Enrol.",
      body: Owner.self, returns: Thing.self
    ) { _, _ async throws(Problem) -> Thing in .example },
    Endpoint(
      .get, "/api/v1/health", id: "health", tag: .system, access: .anyone, summary: "How it is.",
      returns: HTTPResponse.self,
      answers: [.json(Thing.self), .json(Thing.Parent.self, status: .serviceUnavailable, prose: "It is not well.")]
    ) { _, _ async throws(Problem) -> HTTPResponse in .json(Thing.example) },
  ]

  static func endpoint(_ id: String) throws -> Endpoint {
    guard let endpoint = things.first(where: { $0.id == id }) else { throw NotAHead() }
    return endpoint
  }
}
