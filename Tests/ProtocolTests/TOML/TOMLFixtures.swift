import Protocol

func parseTOML(_ text: String, limits: TOMLLimits = TOMLLimits()) throws(TOMLError) -> TOMLTable {
  try TOMLDocument.parse(Array(text.utf8).span, limits: limits)
}

func parseTOML(bytes: [UInt8], limits: TOMLLimits = TOMLLimits()) throws(TOMLError) -> TOMLTable {
  try TOMLDocument.parse(bytes.span, limits: limits)
}

/// A table in one line, so that a failed comparison is readable: strings quoted, dates bare, tables in braces. For a
/// root table the result, without the outer braces, is TOML.
func spelling(_ table: TOMLTable) -> String {
  table.entries.map { "\(quoted($0.key)) = \(spelling($0.value))" }.joined(separator: ", ")
}

func spelling(_ value: TOMLValue) -> String {
  switch value {
  case .string(let text): quoted(text)
  case .integer(let value): "\(value)"
  case .float(let value): "\(value)"
  case .boolean(let value): "\(value)"
  case .offsetDateTime(let text), .localDateTime(let text), .localDate(let text), .localTime(let text): text
  case .array(let elements): "[" + elements.map { spelling($0) }.joined(separator: ", ") + "]"
  case .table(let table): "{" + spelling(table) + "}"
  }
}

/// The same document with all tables written inline.
func rewritten(_ table: TOMLTable) -> String {
  table.entries.map { "\(quoted($0.key)) = \(spelling($0.value))\n" }.joined()
}

private func quoted(_ text: String) -> String {
  var result = "\""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\"", "\\": result += "\\\(scalar)"
    case "\n": result += "\\n"
    case "\r": result += "\\r"
    case "\t": result += "\\t"
    case _ where scalar.value < 0x20 || scalar.value == 0x7F:
      let digits = String(scalar.value, radix: 16)
      result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result + "\""
}

/// A document that uses each construct of the grammar once.
let richTOML = #"""
  # A document with one of each
  title = "T\u00FCr \U0001F600 \"q\" \\ \t" # trailing
  'lit eral' = 'C:\path'
  "" = 'empty key'
  a.b."c.d".e = +1_000
  hex = 0xDEAD_beef
  oct = 0o755
  bin = 0b1101
  float = -6.26e-3
  big = 1e1_0
  low = -inf
  yes = true
  no = false
  odt = 1979-05-27T00:32:00.999-07:00
  zulu = 1979-05-27 07:32:00Z
  ldt = 1979-05-27t07:32:00
  ld = 1979-05-27
  lt = 07:32:00.5
  multi = """
  one \
      two
  three""""
  raw = '''
  '' C:\raw ''
  '''
  list = [ 1, [ "x", 'y' ], # comment
    { p.q = 1, r = [ ] } , ]

  [server.tls]
  on = true
  min.version = 12

  [server]
  name = "é"

  [[job]]
  id = 1
  [job.schedule]
  every = 60
  [[job.step]]
  [[job.step]]
  n = 2
  [[job]]
  inline = { x = 1, y.z = { } }

  """#
