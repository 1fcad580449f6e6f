import Apus
import ArgumentParser

/// Which passes a graph goes through before it runs: `-O0` … `-O3`, or a list.
struct PassOptions: ParsableArguments {
  @Option(
    name: .customShort("O", allowingJoined: true),
    help: ArgumentHelp(
      "How much the passes do, 0 to 3; 2 if left out. 0: only what the backend cannot do without.",
      valueName: "level"))
  var level: Int?

  @Option(help: "Passes to run instead, separated by commas; `apus passes` lists them.")
  var passes: String?

  func validate() throws {
    guard level == nil || passes == nil else {
      throw ValidationError("--passes and -O are alternatives: give one of them.")
    }
    guard OptimizationLevel(rawValue: level ?? 2) != nil else { throw ValidationError("-O is 0, 1, 2 or 3.") }
  }

  /// - Throws: `ApusError` with a suggestion if a pass does not exist.
  func compilation(_ backend: any Backend) throws -> Compilation {
    if let passes { return Compilation(backend: backend, passes: .custom(try Pipeline(parsing: passes))) }
    return Compilation(backend: backend, passes: .level(OptimizationLevel(rawValue: level ?? 2) ?? .standard))
  }
}
