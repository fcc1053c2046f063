// The scripts that connect shells with the hidden command `complete`.

import Glibc

enum CompletionScript {
  /// - Parameter shell: bash, zsh or fish.
  static func text(_ shell: String) -> String {
    switch shell {
    case "zsh":
      """
      #compdef pganalytics
      _pganalytics() {
        local -a found
        found=("${(@f)$(pganalytics complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
        if [[ -n "$found[1]" ]]; then compadd -Q -- "${(@q)found}"; else _files; fi
      }
      if [[ "$funcstack[1]" = _pganalytics ]]; then _pganalytics "$@"; else compdef _pganalytics pganalytics; fi

      """
    case "fish":
      """
      function __pganalytics_complete
        set -l words (commandline -opc) (commandline -ct)
        pganalytics complete -- $words[2..-1] 2>/dev/null
      end
      complete -c pganalytics -a '(__pganalytics_complete)'

      """
    default:
      """
      _pganalytics() {
        local line IFS=$'\\n'
        COMPREPLY=()
        while IFS= read -r line; do
          COMPREPLY+=("$(printf '%q' "$line")")
        done < <(pganalytics complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
      }
      complete -o default -F _pganalytics pganalytics

      """
    }
  }
}

/// Ends the process at once, with success and without output.
func exitSilently() -> Never { exit(ExitStatus.success.rawValue) }
