@testable import App

/// The first part of docs/CLI.md: how people and scripts use the client commands.
enum ClientGuide {
  static var text: String {
    """
    ## The first login

    One program is server and client. A client command asks a server over its API, as the user who has logged in:

        pganalytics login https://metrics.example.com:8443 --username alice --ca-fingerprint 4f2e…
        pganalytics fleet

    The client sends a password only to a server that it trusts. If the operating system does not trust the certificate of the
    server, give one of these:

    * `--ca-fingerprint SHA256`: the fingerprint of the server's authority. `pganalytics ca fingerprint` prints it on the
      server. The client fetches the authorities, compares the fingerprint, and from then on follows changes of them.
    * `--ca FILE`: a file with the trusted authorities.
    * Neither: a terminal shows the fingerprint and asks. A script gets exit status 5.

    The password is asked for without echo. `--password-file FILE` reads it from a file, and `-` from standard input. No secret
    is ever an argument, because other users can see arguments in the list of processes.

    ## Contexts

    Each login is remembered as a *context*: the server, its authorities, the user and the tokens. Contexts lie in
    `~/.config/pganalytics/contexts.json` (or below `XDG_CONFIG_HOME`); only you may read the file. The client renews the access
    token by itself. Several commands may run at the same time: one of them renews the token, and the others use it.

    | To | Use |
    | --- | --- |
    | see the contexts | `pganalytics context list` |
    | change the current context | `pganalytics context use NAME` |
    | use another context for one command | `--context NAME`, or `PGANALYTICS_CONTEXT` |
    | end the session | `pganalytics logout` |
    | forget a context | `pganalytics context delete NAME` |

    A program that does not log in sets `PGANALYTICS_URL` and `PGANALYTICS_TOKEN`, and `PGANALYTICS_CA` if the operating system
    does not trust the server: the path of a file with the authorities.

    ## Output

    | Option | Effect |
    | --- | --- |
    | `-o table` | A table for people: numbers with units, times in the zone of this machine. This is the default. |
    | `-o json` | The answer of the API. |
    | `-o ndjson` | One JSON object for each row of `data`. |
    | `-o csv` | The rows of `data` (RFC 4180). |
    | `--columns a,b` | These columns in this order. A terminal otherwise shows those that fit, and names the others. |
    | `--sort a`, `--sort -a` | The order. Where the API has the parameter `sort`, the server sorts the whole list. |
    | `--all` | All pages of a list. |
    | `--watch [SECONDS]` | Asks again and again. A server that does not answer does not end it. |

    Programs should use JSON, NDJSON or CSV: they have raw numbers, and times in UTC. A pipe gets the same table as a terminal,
    without colours. `NO_COLOR` turns colours off. A long table on a terminal goes through `$PAGER` (`--no-pager` prevents it).
    On a terminal, control characters and characters that change the direction of text are shown in a visible form such as
    `\\x1B`, because a collector can send any text.

    ## The live view

    `pganalytics top` shows the fleet on the whole terminal and keeps it up to date: the servers and their findings, one
    server with the course of its figures, the statements that take the time, the tree of waiting sessions, and the ingest of
    the pgAnalytics server itself. The keys are those of similar programs:

    \(PrintedTable(header: ["Keys", "Effect"], rows: TopKeyMeaning.all.map { [$0.keys, $0.meaning] }).text)

    In the fleet, Enter opens the chosen server; `2` and `4` show the chosen server, too. `3` shows the statements of the opened
    server, or of the whole fleet. Moving beyond the last row shows the next page. If the server does not answer, the last
    figures stay, and the last lines say why; the view goes on when the server is back. If the session has ended, they name the
    command that logs in again; run it in another terminal, and the view goes on.

    The view asks the API only. It needs a terminal, from 40 x 10 characters on. With `NO_COLOR` a mark shows the chosen row.

    ## Exit status

    \(PrintedTable(header: ["Status", "Meaning"], rows: ExitStatus.allCases.map { ["\($0.rawValue)", $0.meaning] }).text)

    ## Scripts

        pganalytics servers list --all -o csv > servers.csv
        pganalytics queries top --server 7 --start-time 24h -o json | jq -r '.data[0].text'
        pganalytics fleet --state critical -o ndjson | jq -r .name
        pganalytics findings list --state open --severity critical --all -o csv --columns id,server_id,check
        pganalytics servers show 7 > /dev/null; if [ $? -eq 4 ]; then echo "there is no server 7"; fi

    ## Completion and manual pages

    `pganalytics completion bash`, `zsh` or `fish` prints a script for the shell; `pganalytics help completion` says where it
    belongs. It also completes names that the server knows, such as ids of servers, if the server answers within 1.2 seconds.
    `pganalytics man DIRECTORY` writes a manual page for each command.
    """
  }
}
