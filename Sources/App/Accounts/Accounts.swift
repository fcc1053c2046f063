import Protocol

/// Users as the command line and the embedded set-up make them.
enum Accounts {
  struct Refused: Error, CustomStringConvertible {
    let description: String
  }

  static let shortestPassword = 8

  static func hash(_ password: String) throws(Refused) -> String {
    guard password.utf8.count >= shortestPassword, let hash = PasswordHash.hash(password) else {
      throw Refused(
        description: "a password has \(shortestPassword) to \(PasswordHash.maximumPasswordBytes) bytes")
    }
    return hash
  }

  static func add(
    _ username: String, password: String, role: Role, email: String?, fullName: String?,
    to database: some DatabaseClient
  ) async throws {
    let hash = try hash(password)
    // A typed `do`: with an untyped one and `catch where`, the compiler of Swift 6.3.1 does not end.
    do throws(DatabaseError) {
      _ = try await database.one(AccountStatements.add, username, email, fullName, hash, role.rawValue)
    } catch {
      if error.sqlstate == SQLState.uniqueViolation {
        throw Refused(description: "there is a user \(username) already")
      }
      throw error
    }
  }
}
