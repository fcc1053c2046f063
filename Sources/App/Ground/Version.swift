/// The versions of the package.
package enum Version {
  /// The version of the programs.
  package static let text = "0.1.0"
  /// The version of the REST API. Its paths contain only `v1`.
  package static let api = "1.0.0"
}
