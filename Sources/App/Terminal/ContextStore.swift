// Contexts: servers that a person has logged in to. They lie in a file that only this person may read.

import Glibc
import Ground
import Protocol

/// A server, how to trust it, and the session there.
struct ClientContext: Equatable, Sendable {
  let name: String
  var url: String
  var username: String
  /// The authorities in PEM; nil: those of the operating system.
  var authorities: String?
  /// Whether the authorities came from the server and follow its changes.
  var followsServer = false
  var accessToken = ""
  /// Unix seconds.
  var accessTokenEnd: Int64 = 0
  var refreshToken = ""
}

/// The contexts, and which of them is used without a choice.
struct ContextList: Equatable, Sendable {
  var current: String?
  var contexts: [ClientContext] = []

  subscript(name: String) -> ClientContext? {
    get { contexts.first { $0.name == name } }
    set {
      let index = contexts.firstIndex { $0.name == name }
      switch (index, newValue) {
      case (let index?, let value?): contexts[index] = value
      case (let index?, nil): contexts.remove(at: index)
      case (nil, let value?): contexts.append(value)
      case (nil, nil): break
      }
      if newValue == nil, current == name { current = nil }
    }
  }
}

/// The file of contexts.
struct ContextStore: Sendable {
  private static let maximumBytes = 4 << 20
  let directory: String
  private var path: String { directory + "/contexts.json" }

  /// - Parameter environment: XDG_CONFIG_HOME or HOME give the place (XDG Base Directory Specification).
  init(environment: [String: String]) throws(ClientFailure) {
    if let base = environment["XDG_CONFIG_HOME"], base.hasPrefix("/") {
      directory = base + "/pganalytics"
    } else if let home = environment["HOME"], home.hasPrefix("/") {
      directory = home + "/.config/pganalytics"
    } else {
      throw ClientFailure(.failure, "There is no place for contexts: neither XDG_CONFIG_HOME nor HOME is set.")
    }
  }

  func read() throws(ClientFailure) -> ContextList {
    let bytes: [UInt8]?
    do throws(FileError) {
      bytes = try LocalFile.read(path, maximumBytes: Self.maximumBytes)
    } catch {
      throw ClientFailure(.failure, "\(error).")
    }
    guard let bytes else { return ContextList() }
    guard
      case .success(.object(let object)) = Result(catching: { () throws(JSONValueError) in
        try JSONValue.parse(bytes.span, limits: JSONValueLimits(bytes: Self.maximumBytes))
      })
    else { throw ClientFailure(.failure, "\(path) is no file of contexts; delete it and log in again.") }
    var list = ContextList()
    list.current = object["current"]?.string
    if case .array(let contexts)? = object["contexts"] {
      list.contexts = contexts.compactMap(ClientContext.init(stored:))
    }
    return list
  }

  /// Changes the file while no other command does. `change` may wait for the server: then a second command waits for the
  /// first one and finds its result.
  func change<Value>(
    _ change: (inout ContextList) async throws(ClientFailure) -> Value
  ) async throws(ClientFailure) -> Value {
    let lock = try ContextLock(directory)
    var list = try read()
    let old = list
    let value = try await change(&list)
    if list != old { try write(list) }
    lock.release()
    return value
  }

  private func write(_ list: ContextList) throws(ClientFailure) {
    var object = JSONObject()
    object["current"] = list.current.map { .string($0) }
    object["contexts"] = .array(list.contexts.map(\.stored))
    do throws(FileError) {
      try LocalFile.replace(path, with: Array((CommandValue.pretty(.object(object)) + "\n").utf8))
    } catch {
      throw ClientFailure(.failure, "\(error).")
    }
  }
}

/// The lock of the directory of contexts (flock(2)). The kernel releases it at the end of the process, too.
private struct ContextLock: ~Copyable {
  private let descriptor: CInt

  init(_ directory: String) throws(ClientFailure) {
    do throws(FileError) {
      try LocalDirectory.make(directory, mode: 0o700)
      descriptor = try LocalFile.open(directory + "/.lock", O_RDWR | O_CREAT)
    } catch {
      throw ClientFailure(.failure, "\(error).")
    }
    while flock(descriptor, LOCK_EX) != 0, errno == EINTR {}
  }

  deinit { close(descriptor) }

  /// Ends the life of the lock here, and not earlier.
  consuming func release() {}
}

extension ClientContext {
  fileprivate init?(stored value: JSONValue) {
    guard case .object(let object) = value, let name = object["name"]?.string, let url = object["url"]?.string else {
      return nil
    }
    self.init(name: name, url: url, username: object["username"]?.string ?? "")
    authorities = object["authorities"]?.string
    followsServer = object["follows_server"] == .bool(true)
    accessToken = object["access_token"]?.string ?? ""
    if case .integer(let end)? = object["access_token_end"] { accessTokenEnd = end }
    refreshToken = object["refresh_token"]?.string ?? ""
  }

  fileprivate var stored: JSONValue {
    var object = JSONObject()
    object["name"] = .string(name)
    object["url"] = .string(url)
    object["username"] = .string(username)
    object["authorities"] = authorities.map { .string($0) }
    object["follows_server"] = .bool(followsServer)
    object["access_token"] = .string(accessToken)
    object["access_token_end"] = .integer(accessTokenEnd)
    object["refresh_token"] = .string(refreshToken)
    return .object(object)
  }
}

extension JSONValue {
  /// The text; nil for any other value.
  var string: String? { if case .string(let text) = self { text } else { nil } }
  /// The whole number; nil for any other value.
  var integer: Int64? { if case .integer(let number) = self { number } else { nil } }
  /// The member of an object; nil for any other value.
  subscript(member name: String) -> JSONValue? { if case .object(let object) = self { object[name] } else { nil } }
}
