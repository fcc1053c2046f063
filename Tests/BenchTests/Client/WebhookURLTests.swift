import HTTPClient
import Testing

struct WebhookURLTests {
  @Test(arguments: [
    ("https://hooks.example.com", "hooks.example.com", 443, "hooks.example.com", "/", true),
    ("https://h:8443/services/T0/B0?token=a%20b&x=/", "h", 8443, "h:8443", "/services/T0/B0?token=a%20b&x=/", true),
    ("http://h?x=1", "h", 80, "h", "/?x=1", false), ("HTTPS://h/a//b", "h", 443, "h", "/a//b", true),
    ("https://[2001:db8::1]:9/p", "2001:db8::1", 9, "[2001:db8::1]:9", "/p", true),
    ("https://192.0.2.1/", "192.0.2.1", 443, "192.0.2.1", "/", true),
    ("https://h/a://b", "h", 443, "h", "/a://b", true),
  ])
  func `reads host, port and target`(
    text: String, host: String, port: UInt16, authority: String, target: String, usesTLS: Bool
  ) throws {
    let url = try WebhookURL(text)
    #expect(url.host == host && url.port == port && url.authority == authority && url.target == target)
    #expect(url.usesTLS == usesTLS && url.place == (host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"))
  }

  @Test(arguments: [
    ("", WebhookURLError.scheme), ("hooks.example.com", .scheme), ("ftp://h/", .scheme), ("https:/h", .scheme),
    (" https://h", .character), ("https://h/a b", .character), ("https://h/\r\nX: y", .character),
    ("https://h/ä", .character), ("https://ä.example", .character), ("https://u:p@h/", .userName),
    ("https://u@h", .userName),
    ("https://h/#f", .fragment), ("https://h#f", .fragment), ("https://", .host), ("https:///p", .host),
    ("https://:443/", .host), ("https://a,b/", .host), ("https://a%2eb/", .host), ("https://[::1", .host),
    ("https://[::1]x/", .host), ("https://[h]/", .host), ("https://a\\b/", .host), ("https://h:", .port),
    ("https://h:0/", .port), ("https://h:65536/", .port), ("https://h:+1/", .port), ("https://h:1:2/", .port),
    ("https://[::1]:/", .port),
  ])
  func `refuses any other text`(text: String, fault: WebhookURLError) {
    #expect(throws: fault) { try WebhookURL(text) }
  }

  @Test func `a URL is bounded`() throws {
    let begin = "https://h/"
    let longest = begin + String(repeating: "x", count: WebhookURL.maximumBytes - begin.count)
    _ = try WebhookURL(longest)
    #expect(throws: WebhookURLError.tooLong) { try WebhookURL(longest + "x") }
  }
}
