/// Of everything that is built from this package.
public enum ProgramVersion {
  public static let text = "0.1.0"
}
