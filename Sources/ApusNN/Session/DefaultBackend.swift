import ApusCore
import ApusGraph
import ApusInterpreter
import ApusNative
import Synchronization

/// The backend of whoever chooses none: native code, or the interpreter where native code cannot be made or run. That is
/// said once a process, on standard error.
public enum DefaultBackend {
  private static let hasWarned = Mutex(false)

  /// - Parameter native: what is given where native code runs.
  public static func make(_ native: NativeBackend = NativeBackend()) -> any Backend {
    make(native, NativeBackend.availability) { warning in
      let isFirst = hasWarned.withLock { hasWarned in
        defer { hasWarned = true }
        return !hasWarned
      }
      if isFirst { StandardError.write(warning + "\n") }
    }
  }

  /// - Parameter warn: told what a user should know, in one line.
  package static func make(
    _ native: NativeBackend, _ availability: NativeBackend.Availability, warn: (String) -> Void
  ) -> any Backend {
    switch availability {
    case .available: return native
    case .unavailable(let reason, let help):
      warn(
        "warning: the interpreter runs graphs, slowly, because \(reason)\(help.map { "; to change that, \($0)" } ?? "");"
          + " InterpreterBackend(), or --backend interpreter, asks for it without this warning")
      return InterpreterBackend()
    }
  }
}
