/// The credentials of HTTP's basic authentication (RFC 7617).
public enum BasicAuthorization {
  /// The value of the field Authorization. A user name with a colon would end at the colon, so it must have none.
  public static func fieldValue(user: String, password: String) -> String {
    "Basic " + Base64.standard.encode(Array("\(user):\(password)".utf8).span)
  }
}
