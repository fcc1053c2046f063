// The administrator and the registration secret of `pganalytics up`, and the file that contains them.

import Ground
import Protocol

struct UpAccount: Sendable {
  /// How often the file is compared with the database.
  private static let watchInterval = Duration.seconds(5)

  var credentials: Credentials
  /// Whether this start made the credentials.
  let isNew: Bool
  /// The administrator's password hash when the file was written; nil if there is no such account.
  private let passwordHash: String?

  /// Migrates the database, makes the administrator and the registration secret if they are missing or unknown, and
  /// drops a password from the credentials if it is no longer the administrator's.
  static func prepare(_ database: Database, settings: Settings) async throws -> UpAccount {
    _ = try await Storage.migrate(database, settings: settings)
    let known = try Credentials.read(settings.dataDirectory)
    var credentials =
      known
      ?? Credentials(
        baseURL: "", authorityFile: "", adminUsername: "admin", adminPassword: Secrets.random(),
        registrationSecret: Secrets.random(), databaseURL: "")
    if let account = try await database.one(AccountStatements.byName, credentials.adminUsername) {
      if known == nil, let password = credentials.adminPassword {
        // An earlier start made the administrator, but the credentials are lost. The data directory belongs to this
        // user, and so does the account.
        _ = try await Accounts.setPassword(password, of: credentials.adminUsername, in: database)
      } else if let password = credentials.adminPassword,
        !PasswordHash.verify(password, against: account.passwordHash)
      {
        credentials.adminPassword = nil
      }
    } else {
      let password = credentials.adminPassword ?? Secrets.random()
      credentials.adminPassword = password
      try await Accounts.add(
        credentials.adminUsername, password: password, role: .admin, email: nil, fullName: nil, to: database)
    }
    let digest = Secrets.digest(credentials.registrationSecret.utf8)
    if try await database.one(RegistrationSecretStatements.exists, digest)?.value != true {
      // A revoked secret stays revoked; a new one replaces it.
      credentials.registrationSecret = Secrets.random()
      try await Secrets.add(
        credentials.registrationSecret, name: "up-\(WallClock.unixMicroseconds())", expiry: nil, maxUses: nil,
        reenrolment: .replace, to: database)
    } else {
      // A secret that an earlier version made may lack a choice. `replace` suits users who test a fleet with `up`,
      // because they enrol the same hosts again and again.
      try await database.execute(EnrolmentStatements.adoptSecret, digest)
    }
    let account = try await database.one(AccountStatements.byName, credentials.adminUsername)
    return UpAccount(credentials: credentials, isNew: known == nil, passwordHash: account?.passwordHash)
  }

  /// Removes the password from the file once the administrator has another one. Returns then, or when the task is
  /// cancelled.
  func watchPassword(_ database: Database, directory: String, log: ServerLog) async {
    guard var hash = passwordHash, let password = credentials.adminPassword else { return }
    while !Task.isCancelled {
      do {
        try await Task.sleep(for: Self.watchInterval)
        let account = try await database.one(AccountStatements.byName, credentials.adminUsername)
        if let account, account.passwordHash == hash { continue }
        // A login replaces a hash with weak parameters by a new hash of the same password.
        if let account, PasswordHash.verify(password, against: account.passwordHash) {
          hash = account.passwordHash
          continue
        }
        var changed = credentials
        changed.adminPassword = nil
        try changed.write(directory)
        log.info("password removed from the credentials file", ["file": "\(directory)/\(Credentials.fileName)"])
        return
      } catch is CancellationError {
        return
      } catch {
        log.warning("credentials not compared with the database", ["error": "\(error)"])
      }
    }
  }
}
