// The console as it is served: every file has an address that names the content of all files, so that a browser keeps the
// files and asks for none of them again until the program or a library has changed.

import Protocol

/// The first page of the console and its files.
struct ConsoleSite: Sendable {
  /// The beginning of the SHA-256 of all files, hex. It is the folder of the files in their addresses.
  let version: String
  /// The page at `/`.
  let index: StaticFile
  /// The files by name, without the page.
  let files: [String: StaticFile]

  /// - Parameter libraries: the files of libraries that the console uses.
  init(_ own: [String: ConsoleFile], _ libraries: [String: StaticFile]) {
    let page = "index.html"
    files = own.filter { $0.key != page }.mapValues(\.served).merging(libraries) { own, _ in own }
    let content = files.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value.digest)\n" }.joined()
    version = Hex.encode(Array(Digest.sha256(utf8: content).prefix(8)))
    let text = Self.preloaded(own[page]?.text ?? "", own)
      .replacing("\"/console/", with: "\"/console/\(version)/")
    index = StaticFile(.html, Array(text.utf8))
  }

  /// The page with a line `<link rel="modulepreload">` for each module that the modules of such lines need, and no line
  /// twice. Without them a browser learns of a module only when the module that imports it has arrived.
  private static func preloaded(_ page: String, _ files: [String: ConsoleFile]) -> String {
    let (head, tail) = ("<link rel=\"modulepreload\" href=\"/console/", "\">")
    var known: Set<String> = []
    let lines = page.split(separator: "\n", omittingEmptySubsequences: false).flatMap { line -> [String] in
      guard line.hasPrefix(head) else { return [String(line)] }
      let needed = modules(of: String(line.dropFirst(head.count).dropLast(tail.count)), files)
      return needed.filter { known.insert($0).inserted }.map { "\(head)\($0)\(tail)" }
    }
    return lines.joined(separator: "\n")
  }

  /// A module and all that it imports, directly or not, each once and the nearest first.
  static func modules(of name: String, _ files: [String: ConsoleFile]) -> [String] {
    var modules = [name]
    var index = 0
    while index < modules.count {
      for other in files[modules[index]]?.imports ?? [] where !modules.contains(other) { modules.append(other) }
      index += 1
    }
    return modules
  }
}
