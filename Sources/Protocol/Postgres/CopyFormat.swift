// What surrounds the tuples of a binary COPY (PostgreSQL manual, COPY, "Binary Format").

public enum CopyFormat {
  /// Signature, flags (none), length of the header extension (none).
  public static let header: [UInt8] = [
    0x50, 0x47, 0x43, 0x4F, 0x50, 0x59, 0x0A, 0xFF, 0x0D, 0x0A, 0x00, 0, 0, 0, 0, 0, 0, 0, 0,
  ]
  /// A field count of -1.
  public static let trailer: [UInt8] = [0xFF, 0xFF]
}
