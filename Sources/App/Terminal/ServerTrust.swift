// How a person comes to trust a server: by the authorities of the operating system, by a file, or by the fingerprint of
// the server's authority, which an administrator reads on the server.

import Ground
import HTTPClient
import Protocol

enum ServerTrust {
  /// - Parameter pem: the trusted authorities; nil: those of the operating system.
  static func context(pem: String?) throws(ClientFailure) -> TLSContext {
    do throws(TLSError) {
      return try TLSContext.client(trustPEM: pem.map { Array($0.utf8) })
    } catch {
      throw ClientFailure(.failure, "The authorities cannot be used: \(error).")
    }
  }

  /// - Parameter file: a file with the trusted authorities; nil: those of the operating system.
  static func context(file: String?) throws(ClientFailure) -> TLSContext {
    guard let file else { return try context(pem: nil) }
    return try context(pem: try read(file))
  }

  static func read(_ file: String) throws(ClientFailure) -> String {
    do throws(FileError) {
      return String(decoding: try LocalFile.require(file), as: UTF8.self)
    } catch {
      throw ClientFailure(.failure, "\(error).")
    }
  }

  /// The authorities that a server shows to a client that does not trust it yet. They prove nothing before a person or a
  /// fingerprint confirms one of them.
  static func shown(by url: HTTPSURL) async throws(ClientFailure) -> [Certificate] {
    let context: TLSContext
    do throws(TLSError) {
      context = try TLSContext.trustingClient()
    } catch {
      throw ClientFailure(.failure, "\(error).")
    }
    return try await fetch(url, context)
  }

  /// The authorities of a server that is trusted by one of them.
  static func bundle(_ url: HTTPSURL, trusting anchor: Certificate) async throws(ClientFailure) -> String {
    let pem = try text(of: [anchor])
    return try text(of: try await fetch(url, try context(pem: pem)))
  }

  private static func fetch(_ url: HTTPSURL, _ context: TLSContext) async throws(ClientFailure) -> [Certificate] {
    let client = try APIClient(url, context, as: .none)
    defer { client.close() }
    let answer = try await client.send(.get("/api/v1/certificate-authorities"))
    do throws(CertificateError) {
      return try Certificate.chain(pem: answer.body)
    } catch {
      throw ClientFailure(.failure, "The server's authorities cannot be read: \(error).")
    }
  }

  private static func text(of certificates: [Certificate]) throws(ClientFailure) -> String {
    do throws(CertificateError) {
      return String(decoding: try Certificate.pem(of: certificates), as: UTF8.self)
    } catch {
      throw ClientFailure(.failure, "The server's authorities cannot be written: \(error).")
    }
  }

  /// A fingerprint as 64 hex digits in lower case; nil for any other text. Colons and blanks between the digits are
  /// permitted, as other programs print them.
  static func fingerprint(_ text: String) -> String? {
    let digits = text.lowercased().filter { !":- ".contains($0) }
    let bare = digits.hasPrefix("sha256") ? String(digits.dropFirst(6)) : digits
    return bare.count == 64 && bare.allSatisfy(\.isHexDigit) ? bare : nil
  }
}
