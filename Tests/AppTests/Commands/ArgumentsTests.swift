import Testing

@testable import App

@Suite struct ArgumentsTests {
  private func hidden(_ argument: String) -> String {
    var bytes = Array(argument.utf8)
    for range in Arguments.passwords(in: bytes) { for index in range { bytes[index] = UInt8(ascii: "*") } }
    return String(decoding: bytes, as: UTF8.self)
  }

  @Test(arguments: [
    ("postgresql://u:secret@h/d", "postgresql://u:******@h/d"),
    ("database_url=postgresql://u:se:cr@et@h/d", "database_url=postgresql://u:********@h/d"),
    ("postgresql://u@h/d?password=secret&x=y", "postgresql://u@h/d?password=******&x=y"),
    ("--database-url=host=h password=secret user=u", "--database-url=host=h password=****** user=u"),
    ("host=h password='a b\\'c' user=u", "host=h password=******** user=u"),
    ("password='open", "password=*****"),
  ])
  func `the password of a connection string is hidden`(_ argument: String, _ shown: String) {
    #expect(hidden(argument) == shown)
  }

  @Test(arguments: [
    "postgresql://u@h/d", "postgresql://u:@h/d", "postgresql://h:5432/d", "postgresql:///d?host=/a:b@c", "password=",
    "serve", "", "--listen=127.0.0.1:8443",
  ])
  func `an argument without a password stays as it is`(_ argument: String) { #expect(hidden(argument) == argument) }
}
