// The authority and the server certificate that the process uses. It follows the content of the files, periodically and
// on request. If the files are invalid, the previous state stays in use and a counter is incremented.

import Ground
import Protocol
import Synchronization

/// Holds the current state. Any thread may read it.
final class ServerIdentity: Sendable {
  /// Everything that follows from one content of the files.
  struct Snapshot: Sendable {
    let authority: Authority
    /// For new connections.
    let tls: TLSContext
    let leaf: Certificate
    fileprivate let content: Content
  }

  fileprivate struct Content: Equatable, Sendable {
    let authority: AuthorityFiles
    let server: ServerCertificate.Files
  }

  enum Outcome: Sendable {
    case unchanged
    case changed(Snapshot, isAuthorityNew: Bool)
    /// The files are invalid. Returned once for each reason.
    case refused(reason: String)
  }

  private struct State {
    /// Nil for an identity that was never opened.
    var snapshot: Snapshot?
    /// Why the files are not in use; nil while they are.
    var refusal: String?
    var refusals = 0
  }

  private let directory: String
  private let certificate: ServerCertificate
  /// How many verified certificates each TLS context remembers.
  private let knownCertificates: Int
  private let state: Mutex<State>

  private init(
    _ directory: String, _ certificate: ServerCertificate, knownCertificates: Int, _ snapshot: Snapshot
  ) {
    self.directory = directory
    self.certificate = certificate
    self.knownCertificates = knownCertificates
    state = Mutex(State(snapshot: snapshot))
  }

  private init() {
    directory = ""
    certificate = ServerCertificate(
      directory: "", names: ServerNames(dns: [], addresses: []), life: Live(constant: .zero))
    knownCertificates = 0
    state = Mutex(State(snapshot: nil))
  }

  /// An identity without files, for declarations that need one. Nobody may read its snapshot.
  static let none = ServerIdentity()

  /// Reads the data directory, and makes what is missing there. - Parameter now: unix seconds.
  static func open(_ live: LiveSettings, names: ServerNames, now: Int64) throws -> ServerIdentity {
    let settings = live.now
    let directory = settings.dataDirectory
    _ = try AuthorityRotation(directory: directory, now: now).openOrCreate(life: settings.authorityLife.wholeSeconds)
    let certificate = ServerCertificate(
      directory: directory, names: names, life: live.live(\.serverCertificateLife))
    let known = settings.knownCertificates
    return ServerIdentity(
      directory, certificate, knownCertificates: known,
      try read(directory, certificate, knownCertificates: known, instead: nil, now: now))
  }

  var snapshot: Snapshot {
    guard let snapshot = state.withLock({ $0.snapshot }) else { preconditionFailure("the identity was never opened") }
    return snapshot
  }
  var authority: Authority { snapshot.authority }
  /// The number of invalid contents, and whether the files are invalid now.
  var refusals: (count: Int, isPresent: Bool) { state.withLock { ($0.refusals, $0.refusal != nil) } }

  var certificateAuthorityFile: String { AuthorityFiles.Name.certificates.path(in: directory) }

  /// Reads the files again, and renews the server's certificate if it is due. One caller at a time.
  func reload(now: Int64) -> Outcome {
    let known = snapshot
    let found: Snapshot
    do {
      found = try Self.read(
        directory, certificate, knownCertificates: knownCertificates, instead: known, now: now)
    } catch {
      let reason = "\(error)"
      return state.withLock { state in
        if state.refusal == reason { return .unchanged }
        state.refusal = reason
        state.refusals += 1
        return .refused(reason: reason)
      }
    }
    return state.withLock { state in
      state.refusal = nil
      if found.content == known.content { return .unchanged }
      state.snapshot = found
      return .changed(found, isAuthorityNew: found.authority !== known.authority)
    }
  }

  /// - Parameter known: its parts are reused as far as the files have not changed.
  private static func read(
    _ directory: String, _ certificate: ServerCertificate, knownCertificates: Int, instead known: Snapshot?, now: Int64
  ) throws -> Snapshot {
    guard let files = try AuthorityFiles.read(directory) else {
      throw Authority.Unusable(description: "The authority is gone from \(directory).")
    }
    let authority: Authority
    if let known, known.content.authority == files {
      authority = known.authority
    } else {
      authority = try Authority(files)
    }
    do {
      let server = try certificate.current(authority, now: now)
      let content = Content(authority: files, server: server)
      if let known, known.content == content { return known }
      let tls = try TLSContext.server(
        certificateChainPEM: server.chain, privateKeyPEM: server.key, clientTrustPEM: authority.certificatesPEM,
        knownCertificates: knownCertificates)
      return Snapshot(authority: authority, tls: tls, leaf: try Certificate(pem: server.chain), content: content)
    } catch let error as TLSError {
      throw Authority.Unusable(description: "\(directory)/server.crt and server.key cannot be used: \(error)")
    } catch let error as CertificateError {
      throw Authority.Unusable(description: "\(directory)/server.crt cannot be used: \(error)")
    }
  }
}
