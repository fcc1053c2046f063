// A terminal of which the test is the screen and the keyboard.

import Glibc
import Testing

/// A pseudo-terminal (pty(7)). It is closed with the value.
struct PseudoTerminal: ~Copyable {
  private let master: CInt
  /// The side of the program.
  let slave: CInt

  init() throws {
    // posix_openpt(3) and its companions do the same (ioctl_tty(2)). Swift does not import those functions.
    master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
    var isLocked: CInt = 0
    let unlocked = ioctl(master, UInt(0x4004_5431), &isLocked)
    slave = ioctl(master, UInt(0x5441), O_RDWR | O_NOCTTY | O_CLOEXEC)
    try #require(master >= 0 && unlocked == 0 && slave >= 0)
    _ = fcntl(master, F_SETFL, O_NONBLOCK)
  }

  deinit {
    close(slave)
    close(master)
  }

  /// Types a text.
  func type(_ text: String) { #expect(write(master, text, text.utf8.count) == text.utf8.count) }

  /// What the terminal has got since the last call.
  func shown() -> String {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = read(master, &chunk, chunk.count)
      if count <= 0 { return String(decoding: bytes, as: UTF8.self) }
      bytes += chunk.prefix(count)
    }
  }
}
