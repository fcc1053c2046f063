/// The version of all programs in this package.
public enum ProgramVersion {
  /// The version, as `major.minor.patch`.
  public static let text = "0.1.0"
}
