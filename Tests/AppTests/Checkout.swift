import Ground
import Testing

/// The files of this project, as tests read them. All paths begin at the root of the project.
enum Checkout {
  static let root = #filePath.split(separator: "/").dropLast(3).reduce("") { "\($0)/\($1)" }

  /// The text of a file.
  static func text(_ path: String) throws -> String {
    String(decoding: try LocalFile.require("\(root)/\(path)"), as: UTF8.self)
  }

  /// The names in a folder, without hidden ones.
  static func names(in folder: String) throws -> [String] {
    let names = LocalDirectory.names(in: "\(root)/\(folder)").filter { !$0.hasPrefix(".") }
    try #require(!names.isEmpty, "\(folder) has files")
    return names.sorted()
  }

  /// The paths of all files below `folder` whose names end in one of `suffixes`.
  static func files(below folder: String, _ suffixes: [String] = [".swift"]) throws -> [String] {
    try names(in: folder).flatMap { name -> [String] in
      let path = "\(folder)/\(name)"
      if FileStatus(of: "\(root)/\(path)")?.isDirectory == true { return try files(below: path, suffixes) }
      return suffixes.contains(where: name.hasSuffix) ? [path] : []
    }
  }
}
