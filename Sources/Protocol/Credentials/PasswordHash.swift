// Stored passwords: scrypt (RFC 7914) in a string that holds its own parameters, so that they can be raised later. One
// hash takes about 136 ms and 32 MiB on purpose. Call it on a worker thread, never on an event loop.

import CEpoll.TLS

/// Hashes and verifies passwords.
public enum PasswordHash {
  /// The cost of a hash. It takes 128 * 2^logN * r bytes of memory, and time in proportion to 2^logN * r * p.
  public struct Parameters: Equatable, Sendable {
    /// Base 2 logarithm of N.
    public var logN: Int
    /// Block size, in units of 128 bytes.
    public var r: Int
    /// How many times the work is repeated.
    public var p: Int

    /// N = 2^15, r = 8, p = 1: 32 MiB.
    public static let standard = Parameters(logN: 15, r: 8, p: 1)

    /// Makes parameters from the three values described above.
    public init(logN: Int, r: Int, p: Int) {
      self.logN = logN
      self.r = r
      self.p = p
    }

    /// Whether one guess costs less memory or less time than with `other`.
    func isWeaker(than other: Parameters) -> Bool {
      let (memory, otherMemory) = (r << logN, other.r << other.logN)
      return memory < otherMemory || memory * p < otherMemory * other.p
    }

    /// Whether the cost lies within the limits for a stored string: 256 MiB at most. A tampered string must not take
    /// the machine's memory.
    var isBearable: Bool {
      (1...20).contains(logN) && (1...32).contains(r) && (1...16).contains(p) && (128 << logN) * r <= 256 << 20
    }
  }

  /// The longest password, in UTF-8 bytes. A longer one is never hashed and never matches.
  public static let maximumPasswordBytes = 1024
  static let saltBytes = 16
  static let hashBytes = 32

  /// Hashes a new password with a random salt.
  /// - Returns: `$scrypt$ln=15,r=8,p=1$<salt>$<hash>`, in unpadded base 64; nil if the password is too long or holds a
  ///   NUL.
  public static func hash(_ password: String, parameters: Parameters = .standard) -> String? {
    precondition(parameters.isBearable)
    let salt = RandomBytes.generate(saltBytes)
    guard let hash = derive(password, salt: salt, parameters, count: hashBytes) else { return nil }
    return encode(parameters, salt: salt, hash: hash)
  }

  /// Whether `password` matches the hash `encoded`. False if `encoded` is not such a hash.
  public static func verify(_ password: String, against encoded: String) -> Bool {
    guard let stored = Stored(encoded),
      let hash = derive(password, salt: stored.salt, stored.parameters, count: stored.hash.count)
    else { return false }
    return constantTimeEquals(hash.span, stored.hash.span)
  }

  /// Whether `encoded` is weaker than `wanted`. The caller then hashes the password again at the next successful login.
  public static func needsRehash(_ encoded: String, wanted: Parameters = .standard) -> Bool {
    guard let stored = Stored(encoded) else { return true }
    return stored.parameters.isWeaker(than: wanted) || stored.salt.count < saltBytes || stored.hash.count < hashBytes
  }

  /// A hash for which no password is known. Verify against it if the user does not exist, so that the answer takes the
  /// same time.
  public static let dummy = encode(
    .standard, salt: [UInt8](repeating: 0, count: saltBytes), hash: [UInt8](repeating: 0, count: hashBytes))

  private static func encode(_ parameters: Parameters, salt: [UInt8], hash: [UInt8]) -> String {
    let (salt, hash) = (Base64.standard.encode(salt.span), Base64.standard.encode(hash.span))
    return "$scrypt$ln=\(parameters.logN),r=\(parameters.r),p=\(parameters.p)$\(salt)$\(hash)"
  }

  private static func derive(_ password: String, salt: [UInt8], _ parameters: Parameters, count: Int) -> [UInt8]? {
    var password = password
    let n = UInt64(1) << UInt64(parameters.logN)
    let (r, p) = (UInt64(parameters.r), UInt64(parameters.p))
    let ceiling = 128 * r * (n + p + 2) + 1024
    return password.withUTF8 { text in
      // HMAC pads its key with zeros, so "x" and "x\0" would be the same password.
      guard text.count <= maximumPasswordBytes, !text.contains(0) else { return nil }
      // With a NULL password OpenSSL only checks the parameters, and an empty buffer may have a NULL address.
      return withUnsafeBytes(of: UInt8(0)) { empty in
        let source = UnsafeRawPointer(text.baseAddress) ?? empty.baseAddress!
        var hash = [UInt8](repeating: 0, count: count)
        let done = EVP_PBE_scrypt(
          source.assumingMemoryBound(to: CChar.self), text.count, salt, salt.count, n, r, p, ceiling, &hash, count)
        precondition(done == 1, "scrypt failed: out of memory")
        return hash
      }
    }
  }

  /// The parts of an encoded hash.
  private struct Stored {
    let parameters: Parameters
    let salt: [UInt8]
    let hash: [UInt8]

    init?(_ encoded: String) {
      let parts = encoded.utf8.split(separator: UInt8(ascii: "$"), omittingEmptySubsequences: false)
      guard parts.count == 5, parts[0].isEmpty, parts[1].elementsEqual("scrypt".utf8),
        let salt = Base64.standard.decode(Array(parts[3]).span), (4...64).contains(salt.count),
        let hash = Base64.standard.decode(Array(parts[4]).span), (16...64).contains(hash.count)
      else { return nil }
      let settings = parts[2].split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
      guard settings.count == 3, let logN = Self.number(settings[0], after: "ln="),
        let r = Self.number(settings[1], after: "r="), let p = Self.number(settings[2], after: "p=")
      else { return nil }
      parameters = Parameters(logN: logN, r: r, p: p)
      guard parameters.isBearable else { return nil }
      self.salt = salt
      self.hash = hash
    }

    private static func number(_ text: Substring.UTF8View, after name: String) -> Int? {
      let digits = text.dropFirst(name.utf8.count)
      guard text.starts(with: name.utf8), (1...3).contains(digits.count) else { return nil }
      return digits.reduce(0 as Int?) { sum, digit in
        guard let sum, (0x30...0x39).contains(digit) else { return nil }
        return sum * 10 + Int(digit - 0x30)
      }
    }
  }
}
