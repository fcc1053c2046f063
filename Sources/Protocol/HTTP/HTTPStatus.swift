/// A status code (RFC 9110 §15; 428, 429, 431 from RFC 6585) with its reason phrase.
public struct HTTPStatus: Sendable, Hashable {
  /// The code, 100...599.
  public let code: UInt16

  /// Makes a status.
  /// - Parameter code: 100...599. Any other number is a fault of this program and ends it.
  public init(_ code: UInt16) {
    precondition((100...599).contains(code), "\(code) is not a status code")
    self.code = code
  }

  public static let `continue` = HTTPStatus(100)
  public static let switchingProtocols = HTTPStatus(101)
  public static let ok = HTTPStatus(200)
  public static let created = HTTPStatus(201)
  public static let accepted = HTTPStatus(202)
  public static let noContent = HTTPStatus(204)
  public static let movedPermanently = HTTPStatus(301)
  public static let found = HTTPStatus(302)
  public static let seeOther = HTTPStatus(303)
  public static let notModified = HTTPStatus(304)
  public static let temporaryRedirect = HTTPStatus(307)
  public static let permanentRedirect = HTTPStatus(308)
  public static let badRequest = HTTPStatus(400)
  public static let unauthorized = HTTPStatus(401)
  public static let forbidden = HTTPStatus(403)
  public static let notFound = HTTPStatus(404)
  public static let methodNotAllowed = HTTPStatus(405)
  public static let notAcceptable = HTTPStatus(406)
  public static let requestTimeout = HTTPStatus(408)
  public static let conflict = HTTPStatus(409)
  public static let gone = HTTPStatus(410)
  public static let lengthRequired = HTTPStatus(411)
  public static let preconditionFailed = HTTPStatus(412)
  public static let contentTooLarge = HTTPStatus(413)
  public static let uriTooLong = HTTPStatus(414)
  public static let unsupportedMediaType = HTTPStatus(415)
  public static let expectationFailed = HTTPStatus(417)
  public static let misdirectedRequest = HTTPStatus(421)
  public static let unprocessableContent = HTTPStatus(422)
  public static let preconditionRequired = HTTPStatus(428)
  public static let tooManyRequests = HTTPStatus(429)
  public static let requestHeaderFieldsTooLarge = HTTPStatus(431)
  public static let internalServerError = HTTPStatus(500)
  public static let notImplemented = HTTPStatus(501)
  public static let badGateway = HTTPStatus(502)
  public static let serviceUnavailable = HTTPStatus(503)
  public static let gatewayTimeout = HTTPStatus(504)
  public static let httpVersionNotSupported = HTTPStatus(505)
  public static let insufficientStorage = HTTPStatus(507)

  /// Whether the status is 1xx.
  public var isInformational: Bool { code < 200 }
  /// Whether the status is 2xx.
  public var isSuccess: Bool { (200...299).contains(code) }

  /// Whether a response with this status may have a body (RFC 9110 §6.4.1).
  public var permitsBody: Bool { code >= 200 && code != 204 && code != 304 }

  /// The phrase for the status line; empty for a code that is not listed here.
  public var reasonPhrase: StaticString {
    switch code {
    case 100: "Continue"
    case 101: "Switching Protocols"
    case 200: "OK"
    case 201: "Created"
    case 202: "Accepted"
    case 204: "No Content"
    case 301: "Moved Permanently"
    case 302: "Found"
    case 303: "See Other"
    case 304: "Not Modified"
    case 307: "Temporary Redirect"
    case 308: "Permanent Redirect"
    case 400: "Bad Request"
    case 401: "Unauthorized"
    case 403: "Forbidden"
    case 404: "Not Found"
    case 405: "Method Not Allowed"
    case 406: "Not Acceptable"
    case 408: "Request Timeout"
    case 409: "Conflict"
    case 410: "Gone"
    case 411: "Length Required"
    case 412: "Precondition Failed"
    case 413: "Content Too Large"
    case 414: "URI Too Long"
    case 415: "Unsupported Media Type"
    case 417: "Expectation Failed"
    case 421: "Misdirected Request"
    case 422: "Unprocessable Content"
    case 428: "Precondition Required"
    case 429: "Too Many Requests"
    case 431: "Request Header Fields Too Large"
    case 500: "Internal Server Error"
    case 501: "Not Implemented"
    case 502: "Bad Gateway"
    case 503: "Service Unavailable"
    case 504: "Gateway Timeout"
    case 505: "HTTP Version Not Supported"
    case 507: "Insufficient Storage"
    default: ""
    }
  }
}

extension HTTPStatus: CustomStringConvertible {
  /// The code in decimal.
  public var description: String { "\(code)" }
}
