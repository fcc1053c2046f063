// The commands that rotate the certificate authority: add, use, retire, in this order and with time between them.

import ArgumentParser
import Ground
import Protocol

struct AuthorityCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ca", abstract: "Shows the certificate authorities and rotates them.",
    discussion: """
      Add one: it is trusted, and signs nothing. Give the files to every server of the database, if they do not share \
      the data directory. Use it: from now on it signs collectors' certificates, at enrolment and renewal. When every \
      collector has one of it (after `certificate_life` at the latest), retire the one before. Running servers see each \
      step within `reload_interval`.
      """,
    subcommands: [List.self, Add.self, Use.self, Retire.self], defaultSubcommand: List.self)

  /// What all of them take.
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
      discussion: "Every server must have read the added one by now, or it would refuse the certificates.")
    @OptionGroup var place: Place

    func run() throws { AuthorityCommand.show(try place.rotation(try place.settings()).use()) }
  }

  struct Retire: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Trusts the authority before the present one no longer.",
      discussion: "Refused while a certificate of it is good, unless --force: these are revoked then.")
    @Option(help: "libpq connection URL of the database.") var databaseUrl: String?
    @Flag(help: "Revoke what is still good of it.") var force = false
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
      let part =
        switch fingerprint {
        case authority.current.fingerprint: "signs collectors' certificates"
        case authority.next?.fingerprint: "trusted, signs nothing yet"
        case authority.previous?.fingerprint: "trusted, signs the server's certificate until it is retired"
        default: "trusted"
        }
      let end = Timestamp(unixSeconds: certificate.notAfter).rfc3339
      print("\(fingerprint)  \(certificate.subjectCommonName ?? "")  until \(end)  \(part)")
    }
  }
}
