import Apus

/// The program `apus` as a library, for packages with operators, passes or optimizers of their own.
///
/// Such a package makes a program that does all that `apus` does and knows its names, too:
///
/// ```swift
/// import ApusCommand
///
/// ApusCommandLine.main(passes: [FoldScales.self]) { try OptimizerRegistry.register(Signum.self) }
/// ```
public enum ApusCommandLine {
  /// Runs the program on the process's arguments. Ends the process with the exit code 1, 2 or 70 if that fails.
  /// - Parameters:
  ///   - passes: are added to the passes: `--passes` takes their names, `apus passes` lists them, `--validate` judges them.
  ///   - registering: is called first, and adds to the registries. An error that it throws is reported like any other.
  public static func main(passes: [any Pass.Type] = [], registering: () throws -> Void = {}) {
    RootCommand.main {
      for pass in passes { try PassRegistry.register(pass) }
      try registering()
    }
  }
}
