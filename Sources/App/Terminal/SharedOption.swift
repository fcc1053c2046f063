// The options that commands share. They say where to ask and how to show the answer.

import Protocol

/// An option of every client command of its kind.
enum SharedOption: String, CaseIterable, Sendable {
  case output, columns, sort, all, watch
  case noPager = "no-pager"
  case noWait = "no-wait"
  case context

  var option: CommandOption {
    switch self {
    case .output:
      make("The form of the answer. Default: table.", .choice(OutputForm.allCases.map(\.rawValue)), short: "o")
    case .columns: make("The columns of the table, CSV or NDJSON, with commas between them; `all` for every column.")
    case .sort: make("Sorts the rows that were received by a column; `-` before it: descending.")
    case .all: make("All pages of the list.", .boolean)
    case .watch: make("Asks again every so many seconds, by default 2.", .number, isValueOptional: true)
    case .noPager: make("Writes a long table at once, without $PAGER.", .boolean)
    case .noWait: make("Ends at once; the server does the work by itself.", .boolean)
    case .context: make("The context to use; else PGANALYTICS_CONTEXT, else the current one.")
    }
  }

  private func make(
    _ prose: String, _ schema: Schema = .string, short: Character? = nil, isValueOptional: Bool = false
  ) -> CommandOption {
    CommandOption(
      name: rawValue, short: short, place: .common, schema: schema, prose: prose, isValueOptional: isValueOptional)
  }

  /// Those that make sense for an endpoint.
  static func of(_ endpoint: Endpoint) -> [SharedOption] {
    allCases.filter { option in
      switch option {
      case .context: true
      case .output: endpoint.answers.contains { !$0.contents.isEmpty }
      case .columns, .sort: endpoint.answers.haveRows
      case .all: endpoint.query.contains { $0.name == "page" || $0.name == "cursor" }
      case .watch, .noPager: endpoint.method == .get
      case .noWait: endpoint.answers.contains { $0.status == .accepted }
      }
    }
  }
}

/// The forms of an answer.
enum OutputForm: String, CaseIterable, Sendable { case table, json, ndjson, csv }
