// The live view at work: it hands what arrives to the model, and does what the model returns.

import Glibc
import Ground
import HTTPClient
import Protocol
import Reactor

struct TopSession: Sendable {
  private let program: ClientProgram
  private let parsed: ParsedCommand

  init(_ program: ClientProgram, _ parsed: ParsedCommand) { (self.program, self.parsed) = (program, parsed) }

  /// Runs until the person quits. A signal that ends the program ends the process after the terminal is given back.
  /// - Throws: `.usage` without a terminal or a context, `.unreachable` for an unknown host.
  func run() async throws(ClientFailure) {
    guard program.screen.isTerminal, isatty(STDIN_FILENO) == 1, program.environment["TERM"] != "dumb" else {
      throw ClientFailure(
        .usage,
        "`pganalytics top` needs a terminal. For programs there are `pganalytics fleet -o json`, `queries top -o json`, "
          + "`overview SERVER -o json`, `locks SERVER -o json` and `status -o json`.")
    }
    let client = try APIClient(context: parsed.text(.context), program.environment)
    let terminal = try TopTerminal()
    let (stream, continuation) = AsyncStream<TopInput>.makeStream()
    let events: LoopThread
    do {
      events = try TopEvents.start(continuation)
    } catch {
      throw ClientFailure(.failure, "The terminal cannot be read: \(error).")
    }
    var picture = Picture(
      model: TopModel(host: client.connection.url.authority, size: TopTerminal.size, now: Self.now),
      canvas: TopCanvas(usesColour: program.screen.usesColour),
      schemas: TopSchemas(program.commands.compactMap(\.endpoint)), screen: program.screen)
    if let seconds = parsed.text("interval").flatMap({ Int($0) }) { picture.model.interval = seconds }
    terminal.take(program.screen)
    let end = await run(&picture, stream, terminal, client, continuation)
    terminal.giveBack(program.screen)
    events.stop()
    // A question may still wait for its answer. The process ends without it.
    exit(end.map { 128 + $0 } ?? ExitStatus.success.rawValue)
  }

  private static var now: TopTime { TopTime(monotonic: .now(), unixSeconds: WallClock.unixSeconds()) }

  /// The state, and what the terminal shows of it.
  private struct Picture {
    var model: TopModel
    var canvas: TopCanvas
    let schemas: TopSchemas
    let screen: Screen

    mutating func draw() {
      let text = canvas.bytes(TopFrame(model, schemas: schemas).lines, model.size)
      if !text.isEmpty { screen.write(text) }
    }
  }

  /// - Returns: the signal that ends the program; nil if the person has quit.
  private func run(
    _ picture: inout Picture, _ stream: AsyncStream<TopInput>, _ terminal: TopTerminal, _ client: APIClient,
    _ continuation: AsyncStream<TopInput>.Continuation
  ) async -> CInt? {
    var reader = TopKeyReader()
    var events: [TopEvent] = [.tick(Self.now)]
    var inputs = stream.makeAsyncIterator()
    while true {
      for event in events {
        for action in picture.model.handle(event) {
          switch action {
          case .ask(let question): Self.ask(question, client, continuation)
          case .draw: picture.draw()
          case .suspend: Self.suspend(&picture, terminal)
          case .quit: return nil
          }
        }
      }
      guard let input = await inputs.next() else { return nil }
      switch input {
      case .bytes(let bytes): events = reader.keys(bytes).map(TopEvent.key)
      case .tick: events = [.tick(Self.now)]
      case .answer(let question, let result): events = [.tick(Self.now), .answer(question, result)]
      case .gone: return SIGHUP
      case .signal(SIGWINCH): events = [.resize(TopTerminal.size)]
      case .signal(SIGTSTP):
        Self.suspend(&picture, terminal)
        events = [.resize(TopTerminal.size)]
      case .signal(SIGCONT):
        // Another program may have used the terminal meanwhile. After Ctrl-Z, `suspend` has taken it back already. A
        // second switch to the alternate screen would save that screen in the place of the shell's.
        terminal.readKeys()
        picture.canvas.forget()
        events = [.resize(TopTerminal.size)]
      case .signal(let number): return number
      }
    }
  }

  private static func ask(
    _ question: TopQuestion, _ client: APIClient, _ continuation: AsyncStream<TopInput>.Continuation
  ) {
    Task {
      do throws(ClientFailure) {
        var request = APIRequest.get(question.target)
        request.fields.append(HTTPField("Accept", MediaType.json.description))
        continuation.yield(.answer(question, .success(try await client.json(request) ?? .null)))
      } catch {
        continuation.yield(.answer(question, .failure(error)))
      }
    }
  }

  /// Gives the terminal back and stops the process, until a shell lets it go on.
  private static func suspend(_ picture: inout Picture, _ terminal: TopTerminal) {
    terminal.giveBack(picture.screen)
    // This thread gets the signal, so it stops before it takes the terminal again.
    raise(SIGSTOP)
    terminal.take(picture.screen)
    picture.canvas.forget()
  }
}
