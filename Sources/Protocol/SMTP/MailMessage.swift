// A message of plain text (RFC 5322, RFC 2045). No value can begin another header line: the encoder refuses control
// characters, and an address cannot hold them.

/// The reason that a message cannot be encoded.
public enum MailMessageError: Error, Equatable, Sendable {
  /// This value holds CR, LF or another control character.
  case controlCharacter(in: String)
  /// This value is longer than its limit, in bytes.
  case tooLong(String, limit: Int)
  /// The message has no recipient, or more than `SMTPEnvelope.maximumRecipients`.
  case recipients(Int)
}

extension MailMessageError: CustomStringConvertible {
  /// A sentence for people.
  public var description: String {
    switch self {
    case .controlCharacter(let name): "The \(name) of the message holds a line break or another control character."
    case .tooLong(let name, let limit): "The \(name) of the message is longer than \(limit) bytes."
    case .recipients(let count):
      "The message has \(count) recipients; it needs 1 to \(SMTPEnvelope.maximumRecipients)."
    }
  }
}

/// A message to send.
public struct MailMessage: Sendable, Equatable {
  /// The most bytes of a subject, of a sender's name, and of the left part of a message id.
  public static let maximumHeaderBytes = 998
  /// The most bytes of a text.
  public static let maximumTextBytes = 1 << 20

  /// The sender's address.
  public var sender: MailAddress
  /// The name that mail programs show for the sender; empty for none.
  public var senderName: String
  /// The recipients that the header To names.
  public var recipients: [MailAddress]
  /// One line.
  public var subject: String
  /// The body. Its lines end in LF, CR or CRLF.
  public var text: String
  /// The left part of the Message-ID; the sender's domain is the right part. If a message is sent again with the same
  /// id, mail programs can recognise the copy.
  public var id: String
  /// The time of the message, in unix seconds.
  public var unixSeconds: Int64

  /// Makes a message without checking it; the encoder checks it.
  public init(
    sender: MailAddress, senderName: String = "", recipients: [MailAddress], subject: String, text: String, id: String,
    unixSeconds: Int64
  ) {
    self.sender = sender
    self.senderName = senderName
    self.recipients = recipients
    self.subject = subject
    self.text = text
    self.id = id
    self.unixSeconds = unixSeconds
  }

  /// Checks and encodes the message.
  /// - Returns: lines of ASCII with at most 998 characters, each with CRLF. Dots are not doubled yet.
  /// - Throws: the first fault in a value.
  public func encoded() throws(MailMessageError) -> EncodedMessage {
    try check()
    var output = ByteBuffer()
    func line(_ name: StaticString, _ value: String) {
      output.append(name)
      output.append(utf8: value)
      output.append("\r\n")
    }
    // RFC 5322 wants a numeric zone, where the date of HTTP has GMT.
    line("Date: ", HTTPDate.imfFixdate(unixSeconds: unixSeconds).dropLast(3) + "+0000")
    if senderName.isEmpty {
      line("From: ", sender.description)
    } else {
      // The address has a line of its own, because the last encoded word may fill its line.
      line("From: ", phrase(senderName) + "\r\n <\(sender)>")
    }
    line("To: ", recipients.map(\.description).joined(separator: ",\r\n "))
    line("Subject: ", MailText.header(subject))
    line("Message-ID: ", "<\(id)@\(sender.domain)>")
    // Programs that answer mail by themselves answer no message with this field (RFC 3834).
    line("Auto-Submitted: ", "auto-generated")
    line("MIME-Version: ", "1.0")
    line("Content-Type: ", "text/plain; charset=utf-8")
    line("Content-Transfer-Encoding: ", "quoted-printable")
    output.append("\r\n")
    MailText.appendQuotedPrintable(text, to: &output)
    return EncodedMessage(checked: output.withUnsafeBytes { Array($0) })
  }

  private func check() throws(MailMessageError) {
    guard (1...SMTPEnvelope.maximumRecipients).contains(recipients.count) else { throw .recipients(recipients.count) }
    for (name, value) in [("subject", subject), ("sender's name", senderName), ("id", id)] {
      if MailText.hasControl(value) { throw .controlCharacter(in: name) }
      if value.utf8.count > Self.maximumHeaderBytes { throw .tooLong(name, limit: Self.maximumHeaderBytes) }
    }
    let isID = !id.isEmpty && id.utf8.count <= 200 && id.utf8.allSatisfy { HTTPGrammar.isUnreserved($0) && $0 != 0x7E }
    if !isID { throw .tooLong("id", limit: 200) }
    if text.utf8.count > Self.maximumTextBytes { throw .tooLong("text", limit: Self.maximumTextBytes) }
  }

  /// A display name: quoted if it is ASCII and short, otherwise encoded words, which may not stand in quotes.
  private func phrase(_ name: String) -> String {
    let encoded = MailText.header(name)
    if encoded.hasPrefix("=?") { return encoded }
    var quoted = "\""
    for character in name {
      if character == "\"" || character == "\\" { quoted.append("\\") }
      quoted.append(character)
    }
    return quoted + "\""
  }
}

/// A message as it is sent, without the doubled dots. Each line ends in CRLF, and CR and LF occur nowhere else, so two
/// servers cannot see the end of the message at different places.
public struct EncodedMessage: Sendable, Equatable {
  /// The most characters of a line (RFC 5322 §2.1.1).
  public static let maximumLineCharacters = 998

  /// The bytes, which end in CRLF.
  public let bytes: [UInt8]

  /// - Parameter bytes: keep the promises of the type.
  init(checked bytes: [UInt8]) { self.bytes = bytes }

  /// Checks the bytes of a message. Nil if a line is too long or does not end in CRLF, or if a byte is NUL.
  public init?(_ bytes: [UInt8]) {
    var characters = 0
    var previous: UInt8 = 0
    for byte in bytes {
      if byte == 0 || (byte == HTTPGrammar.lf) != (previous == HTTPGrammar.cr) { return nil }
      characters = byte == HTTPGrammar.lf ? 0 : characters + 1
      // The CR is counted, too.
      if characters > Self.maximumLineCharacters + (byte == HTTPGrammar.cr ? 1 : 0) { return nil }
      previous = byte
    }
    guard bytes.isEmpty || previous == HTTPGrammar.lf else { return nil }
    self.bytes = bytes
  }

  /// Appends the message with doubled dots (RFC 5321 §4.5.2), and the line that ends it.
  func appendAsData(to output: inout ByteBuffer) {
    output.reserve(bytes.count + 5)
    var start = 0
    while start < bytes.count {
      let end = bytes[start...].firstIndex(of: HTTPGrammar.lf).map { $0 + 1 } ?? bytes.count
      if bytes[start] == UInt8(ascii: ".") { output.append(UInt8(ascii: ".")) }
      output.append(bytes.span.extracting(start..<end))
      start = end
    }
    output.append(".\r\n")
  }
}
