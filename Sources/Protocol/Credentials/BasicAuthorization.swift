/// The credentials of HTTP's basic authentication (RFC 7617).
public enum BasicAuthorization {
  /// The value of the field Authorization. A user name with a colon would end at the colon, so it must have none.
  public static func fieldValue(user: String, password: String) -> String {
    let encoded = Base64.standard.encode(Array("\(user):\(password)".utf8).span)
    // The encoding here has no padding, and that of the RFC has one.
    return "Basic " + encoded + String(repeating: "=", count: (4 - encoded.utf8.count % 4) % 4)
  }
}
