internal import CEpoll.Process
import Glibc
import Ground
import Reactor

/// Writes a line for a person, unbuffered, so that it appears at once also in a pipe. The reader of the pipe may have
/// stalled or gone: then this neither fails nor waits for longer than a second, and the rest of the text is dropped.
/// Never call it on a loop.
/// - Parameter descriptor: standard output, or standard error for a text that is not a result.
func say(_ text: String, on descriptor: CInt = STDOUT_FILENO, terminator: String = "\n") {
  let deadline = MonotonicTime.now() + .seconds(1)
  var bytes = Array((text + terminator).utf8)[...]
  while !bytes.isEmpty {
    // The number of bytes that a pipe accepts without waiting, if it accepts any.
    let part = bytes.prefix(Int(cepoll_pipe_bytes()))
    let left = CInt(max(.zero, MonotonicTime.now().duration(to: deadline)).wholeMilliseconds)
    let written = part.withUnsafeBytes {
      cepoll_write_within(descriptor, $0.baseAddress, UInt($0.count), left)
    }
    if written < 0 { return }
    bytes = bytes.dropFirst(written)
    if MonotonicTime.now() >= deadline { return }
  }
}
