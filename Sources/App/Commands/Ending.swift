// The end of the process after a signal: its deadline, and what happens if the process still runs then. Normally the
// parts of the program end first (`Server.stop`, `EmbeddedPostgres.stop`). The thread here handles every case that they
// do not foresee.

internal import CEpoll.Process
import Glibc
import Ground
import Reactor
import Synchronization

/// Ends the process by force if it does not end in time.
final class Ending: Sendable {
  /// The time from `drain_deadline` to the end by force. The other time limits of the shutdown and the log's last lines
  /// fit into it.
  static let margin = Duration.seconds(5)

  private struct State {
    var patience: Duration
    var begunAt: MonotonicTime?
  }

  private let log: ServerLog
  private let state: Mutex<State>

  init(_ settings: Settings, log: ServerLog) {
    self.log = log
    state = Mutex(State(patience: settings.drainDeadline))
  }

  /// Applies a changed `drain_deadline`, until the end has begun.
  func apply(_ settings: Settings) { state.withLock { $0.patience = settings.drainDeadline } }

  /// The time by which everything has to have ended.
  var deadline: MonotonicTime { state.withLock { ($0.begunAt ?? .now()) + $0.patience } }

  /// Begins the end. May be called from any thread; later calls have no effect.
  func begin() {
    let isFirst = state.withLock { state in
      defer { state.begunAt = state.begunAt ?? .now() }
      return state.begunAt == nil
    }
    if !isFirst { return }
    let deadline = deadline + Self.margin
    do throws(SystemCallError) {
      _ = try SystemThread(name: "last resort") { [log] in
        do throws(SystemCallError) {
          _ = try Reactor.Semaphore().wait(until: deadline)
        } catch {
          sleep(UInt32(clamping: MonotonicTime.now().duration(to: deadline).wholeSeconds))
        }
        log.error("the process still runs after drain_deadline: it is ended by force")
        log.flush()
        cepoll_exit_now(EXIT_FAILURE)
      }
    } catch {
      log.error("no thread to end the process by force", ["error": "\(error)"])
    }
  }
}
