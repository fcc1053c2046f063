// From the signal to the end of the process: by when it has to be over, and what happens if it is not. The orderly layers come
// first (`Server.stop`, `EmbeddedPostgres.stop`); the thread here is for what none of them foresaw.

internal import CEpoll.Process
import Glibc
import Ground
import Reactor
import Synchronization

final class Ending: Sendable {
  /// From `drain_deadline` to the end by force. Parts of the end with bounds of their own, and the log's last lines, fit into it.
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

  /// Follows `drain_deadline`, until the end has begun.
  func use(_ settings: Settings) { state.withLock { $0.patience = settings.drainDeadline } }

  /// By when everything has to have ended.
  var deadline: MonotonicTime { state.withLock { ($0.begunAt ?? .now()) + $0.patience } }

  /// The process was told to end. From any thread; calls after the first change nothing.
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
