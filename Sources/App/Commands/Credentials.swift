// The file credentials.json of `pganalytics up`: everything that a person or a script needs to use the server.

import Ground
import Protocol

struct Credentials: Equatable {
  static let fileName = "credentials.json"

  var baseURL: String
  var authorityFile: String
  var adminUsername: String
  /// Nil after the administrator has changed the password: the file then contains only the user name.
  var adminPassword: String?
  var registrationSecret: String
  var databaseURL: String

  /// Reads the file. - Returns: nil if there is no valid file; then new credentials are made.
  static func read(_ directory: String) throws(FileError) -> Credentials? {
    guard let bytes = try LocalFile.read(directory + "/" + fileName),
      case .success(.object(let object)) = Result(catching: { () throws(JSONValueError) in
        try JSONValue.parse(bytes.span)
      }),
      case .object(let admin)? = object["admin"], case .string(let baseURL)? = object["base_url"],
      case .string(let authorityFile)? = object["ca_file"], case .string(let username)? = admin["username"],
      case .string(let secret)? = object["registration_secret"],
      case .string(let databaseURL)? = object["database_url"]
    else { return nil }
    var password: String?
    if case .string(let text)? = admin["password"] { password = text }
    return Credentials(
      baseURL: baseURL, authorityFile: authorityFile, adminUsername: username, adminPassword: password,
      registrationSecret: secret, databaseURL: databaseURL)
  }

  func write(_ directory: String) throws(FileError) {
    var json = JSONWriter()
    json.object { json in
      json.member("base_url", baseURL)
      json.member("ca_file", authorityFile)
      json.key("admin")
      json.object { json in
        json.member("username", adminUsername)
        if let adminPassword { json.member("password", adminPassword) }
      }
      json.member("registration_secret", registrationSecret)
      json.member("database_url", databaseURL)
    }
    var bytes = json.finish()
    bytes.append(UInt8(ascii: "\n"))
    try LocalFile.replace(directory + "/" + Self.fileName, with: bytes.withUnsafeBytes { Array($0) })
  }
}
