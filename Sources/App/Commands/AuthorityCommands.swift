// The commands that rotate the certificate authority: add, use and retire, in this order and with time in between.

import ArgumentParser
import Ground
import Protocol

struct AuthorityCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ca", abstract: "Shows the certificate authorities and rotates them.",
    discussion: """
      `add` makes a new authority, which is trusted and signs nothing. Copy the files to every server of the database, \
      unless they share the data directory. `use` lets the new authority sign collectors' certificates, at enrolment and \
      renewal. Once every collector has such a certificate (after `certificate_life` at the latest), `retire` ends the \
      trust in the old authority. Running servers notice each step within `reload_interval`.
      """,
    subcommands: [List.self, Fingerprint.self, Add.self, Use.self, Retire.self], defaultSubcommand: List.self)

  /// The options that all of them have.
  struct Place: ParsableArguments {
    @Option(help: "Directory of certificates and keys.") var dataDir: String?
    @OptionGroup var options: SettingOptions

    func settings(databaseURL: String? = nil) throws -> Settings {
      try options.read([("data_dir", dataDir), ("database_url", databaseURL)])
    }

    func rotation(_ settings: Settings) -> AuthorityRotation {
      AuthorityRotation(directory: settings.dataDirectory, now: WallClock.unixSeconds())
    }
  }

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Lists the authorities that are trusted.")
    @OptionGroup var place: Place

    func run() throws {
      let settings = try place.settings()
      guard let files = try AuthorityFiles.read(settings.dataDirectory) else {
        throw CommandFailure("There is no authority in \(settings.dataDirectory).")
      }
      AuthorityCommand.show(try Authority(files))
    }
  }

  struct Fingerprint: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Prints the SHA-256 fingerprint of the authority in use, for `pganalytics login --ca-fingerprint`.")
    @OptionGroup var place: Place

    func run() throws {
      let settings = try place.settings()
      guard let files = try AuthorityFiles.read(settings.dataDirectory) else {
        throw CommandFailure("There is no authority in \(settings.dataDirectory).")
      }
      print(try Authority(files).current.certificate.fingerprintHex)
    }
  }

  struct Add: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Makes an authority that is trusted and signs nothing yet.")
    @OptionGroup var place: Place

    func run() throws {
      let settings = try place.settings()
      AuthorityCommand.show(try place.rotation(settings).add(life: settings.authorityLife.wholeSeconds))
    }
  }

  struct Use: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Lets the authority that was added sign collectors' certificates.",
      discussion: "Every server must have read the added authority before, or it would reject the certificates.")
    @OptionGroup var place: Place

    func run() throws { AuthorityCommand.show(try place.rotation(try place.settings()).activate()) }
  }

  struct Retire: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Ends the trust in the previous authority.",
      discussion: "Refused while one of its certificates is valid. --force revokes such certificates.")
    @Option(help: "libpq connection URL of the database.") var databaseUrl: String?
    @Flag(help: "Revoke its certificates that are still valid.") var force = false
    @OptionGroup var place: Place

    func run() async throws {
      let settings = try place.settings(databaseURL: databaseUrl)
      try await withDatabase(settings) { database in
        AuthorityCommand.show(try await place.rotation(settings).retire(database, force: force))
      }
    }
  }

  fileprivate static func show(_ authority: Authority) {
    for certificate in authority.certificates {
      let fingerprint = certificate.fingerprintHex
      let part = authority.state(of: certificate).sentence
      let end = Timestamp(unixSeconds: certificate.notAfter).rfc3339
      print("\(fingerprint)  \(certificate.subjectCommonName ?? "")  until \(end)  \(part)")
    }
  }
}
