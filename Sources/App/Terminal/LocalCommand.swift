// The client commands that are no single request: logging in, contexts, editing, and the command line itself.

import Protocol

enum LocalCommand: Sendable {
  case login, logout, listContexts, useContext, deleteContext, top, diffConfig, editConfig, completion, complete, manual
}

extension ClientCommand {
  /// All of them. `login` and `logout` take the place of the commands of their endpoints.
  static let local: [ClientCommand] =
    [login, logout] + contexts + [top, diffConfig, editConfig, completion, complete, manual]

  private init(
    _ name: String, _ action: LocalCommand, _ summary: String, _ description: String = "",
    _ arguments: [CommandArgument] = [], _ options: [CommandOption] = [], isHidden: Bool = false, examples: [String]
  ) {
    self.init(
      name: CommandName(name), summary: summary, description: description, arguments: arguments, options: options,
      action: .local(action), isHidden: isHidden, examples: examples)
  }

  private static let login = ClientCommand(
    "login", .login, "Logs in to a server, and remembers it as a context.",
    """
    The certificate of the server must be trusted: by the operating system, by an authority in a file (--ca), or by the \
    fingerprint of the server's authority (--ca-fingerprint), which `pganalytics ca fingerprint` prints on the server. Without any \
    of them a terminal shows the fingerprint and asks. The authorities are kept with the context and follow the server.

    The password is asked for without echo, or read from a file. Contexts lie in ~/.config/pganalytics (or below \
    XDG_CONFIG_HOME), which only you may read.
    """,
    [CommandArgument(name: "URL", place: .text, prose: "The server, such as https://metrics.example.com:8443.")],
    [
      CommandOption(name: "username", place: .query("username"), schema: .string, prose: "Asked for if it is missing."),
      CommandOption(
        name: "password-file", place: .query("password"), schema: .string(format: "password"),
        prose: "A file with the password; `-` is standard input."),
      CommandOption(
        name: "ca", place: .query("ca"), schema: .string, prose: "A file with the trusted authorities, PEM."),
      CommandOption(
        name: "ca-fingerprint", place: .query("ca"), schema: .string,
        prose: "The SHA-256 fingerprint of the server's authority, 64 hex digits."),
      CommandOption(
        name: "context", place: .common, schema: .string, prose: "The name of the context. Default: the host."),
    ],
    examples: [
      "login https://metrics.example.com:8443 --username alice --ca-fingerprint 4f2e…",
      "login https://127.0.0.1:8443 --ca .pganalytics/ca.crt --username admin --password-file -",
    ])

  private static let logout = ClientCommand(
    "logout", .logout, "Ends the session of a context, on the server and here.", "", [], [SharedOption.context.option],
    examples: ["logout"])

  private static let contextName = CommandArgument(name: "CONTEXT", place: .text, prose: "The name of a context.")

  private static let contexts = [
    ClientCommand(
      "context list", .listContexts, "Lists the servers that you have logged in to.", "", [],
      [SharedOption.output.option, SharedOption.columns.option], examples: ["context list"]),
    ClientCommand(
      "context use", .useContext, "Chooses the context that commands use without --context.", "", [contextName],
      examples: ["context use staging"]),
    ClientCommand(
      "context delete", .deleteContext, "Forgets a context. Its session on the server ends by itself.", "",
      [contextName], examples: ["context delete staging"]),
  ]

  private static let top = ClientCommand(
    "top", .top, "Shows the fleet live on the whole terminal: servers, queries, locks, and the ingest of this server.",
    "The keys are:\n\n"
      + TopKeyMeaning.all.map { "* \($0.keys): \($0.meaning)." }.joined(separator: "\n")
      + "\n\nA server that does not answer does not end it: the last figures stay, and a line says so.",
    [],
    [
      CommandOption(
        name: "interval", place: .query("interval"), schema: .choice(TopModel.intervals.map { String($0) }),
        prose: "The seconds between two questions. Default: 2."),
      SharedOption.context.option,
    ], examples: ["top", "top --interval 5 --context staging"])

  private static let diffConfig = ClientCommand(
    "collectors config diff", .diffConfig, "Shows what changed between two versions, or between a version and a file.",
    "The form is a unified diff; it is empty if nothing differs. Version 0, the one before the first, is empty.",
    [
      CommandArgument(name: "COLLECTOR_ID", place: .path("collector_id"), prose: "A UUID."),
      CommandArgument(
        name: "FILE", place: .text, prose: "A local file to compare with the latest version; `-` is standard input.",
        isRequired: false),
    ],
    [
      CommandOption(
        name: "from", place: .query("from"), schema: .integer,
        prose: "The older version. Default: the version before the newer one."),
      CommandOption(
        name: "to", place: .query("to"), schema: .integer,
        prose: "The newer version, or the one that the file is compared with. Default: the latest."),
      SharedOption.context.option,
    ],
    examples: [
      "collectors config diff 3f2504e0-4f89-11d3-9a0c-0305e82c3301 --from 1 --to 2",
      "collectors config diff 3f2504e0-4f89-11d3-9a0c-0305e82c3301 collector.toml",
    ])

  private static let editConfig = ClientCommand(
    "collectors config edit", .editConfig, "Opens the configuration of a collector in your editor, and stores it.",
    """
    The editor is $VISUAL, else $EDITOR, else vi. Before the text is stored, the command shows what has changed and asks. \
    Nothing is stored if the text is unchanged, or if somebody else has stored a version in the meantime.
    """,
    [CommandArgument(name: "COLLECTOR_ID", place: .path("collector_id"), prose: "A UUID.")],
    [
      CommandOption(name: "yes", place: .common, schema: .boolean, prose: "Stores the text without asking."),
      SharedOption.context.option,
    ], examples: ["collectors config edit 3f2504e0-4f89-11d3-9a0c-0305e82c3301"])

  private static let completion = ClientCommand(
    "completion", .completion, "Prints a script that lets a shell complete commands, options and names.",
    """
    bash: `source <(pganalytics completion bash)` in ~/.bashrc, or the output as a file in \
    /usr/share/bash-completion/completions/pganalytics.
    zsh: the output as a file `_pganalytics` in a directory of $fpath.
    fish: the output as ~/.config/fish/completions/pganalytics.fish.
    """,
    [CommandArgument(name: "SHELL", place: .text, prose: "bash, zsh or fish.", values: ["bash", "zsh", "fish"])],
    examples: ["completion bash"])

  private static let complete = ClientCommand(
    "complete", .complete, "Prints what may stand in place of the last of some words.", "",
    [CommandArgument(name: "WORDS", place: .text, prose: "The words of the command line.", isRequired: false)],
    isHidden: true, examples: [])

  private static let manual = ClientCommand(
    "man", .manual, "Writes the manual pages of all commands into a directory.",
    "The pages belong into section 1, such as /usr/local/share/man/man1.",
    [CommandArgument(name: "DIRECTORY", place: .text, prose: "The directory. It is made if it is missing.")],
    examples: ["man /usr/local/share/man/man1"])
}
