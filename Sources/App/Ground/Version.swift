/// The versions of the package.
package enum Version {
  /// Of the programs.
  package static let text = "0.1.0"
  /// Of the REST API, which is `v1` in its paths.
  package static let api = "1.0.0"
}
