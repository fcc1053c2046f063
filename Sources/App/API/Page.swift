// Lists that are returned in pages, in the same way everywhere.

import Protocol

/// Which page of a list a client asks for: `page` and `page_size`. Read it first in a query's initializer.
struct PageSelection: Equatable, Sendable {
  static let sizes = 1...100
  static let pages = 1...1_000_000

  let page: Int
  let size: Int

  init(from query: inout QueryReader) {
    page = query.optional("page", .integer(Self.pages), default: 1, 1, "The first is 1.")
    size = query.optional("page_size", .integer(Self.sizes), default: 20, 20, "Entries in a page.")
  }

  /// The number of entries before the page: SQL's OFFSET.
  var offset: Int { (page - 1) * size }
}

/// One page of a list.
struct Page<Item: ResponseBody>: ResponseBody {
  let data: [Item]
  /// The number of entries in all pages.
  let total: Int
  let page: Int
  let size: Int

  init(_ data: [Item], of total: Int, _ selection: PageSelection) {
    self.init(data: data, total: total, page: selection.page, size: selection.size)
  }

  private init(data: [Item], total: Int, page: Int, size: Int) {
    self.data = data
    self.total = total
    self.page = page
    self.size = size
  }

  static var schemaName: String { Item.schemaName + "Page" }
  static var example: Page { Page(data: [Item.example], total: 1, page: 1, size: 20) }

  func write(to object: inout ObjectWriter) {
    object.member("data", data)
    object.member("total", total, "Entries in all pages.")
    object.member("page", page)
    object.member("page_size", size)
    object.member("total_pages", (total + size - 1) / size)
  }
}
