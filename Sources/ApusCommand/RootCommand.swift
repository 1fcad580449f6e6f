import Apus
import ArgumentParser
import Foundation

/// `apus`: one file a subcommand. Each parses its options, calls the library and prints; nothing is computed here.
struct RootCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "apus",
    abstract: "Builds, inspects and runs define-then-run neural networks.",
    discussion: """
      A model is a graph file (Docs/TextFormat.md). To train one and look at what the compiler makes of it:

        apus train Graphs/Models/mlp.graph --data fashion-mnist --epochs 5
        apus dump  Graphs/Models/mlp.graph --stage optimized
        apus opt   Graphs/Models/mlp.graph --passes simplify,fuse --diff --stats

      Exit codes: 0 done; 1 the input is at fault; 2 the command line is at fault; 70 a defect in Apus.
      """,
    version: "0.1.0",
    subcommands: [
      TrainCommand.self, EvaluateCommand.self, PredictCommand.self, DataCommand.self, PlotCommand.self,
      SummaryCommand.self, StatsCommand.self, ReportCommand.self, ExplainCommand.self,
      DumpCommand.self, OptCommand.self, RunCommand.self, KernelsCommand.self, CompileCommand.self, DiffCommand.self,
      ReduceCommand.self,
      BenchCommand.self,
      DevicesCommand.self,
      OpsCommand.self, PassesCommand.self,
      OptimizersCommand.self, SchedulesCommand.self, LossesCommand.self, MetricsCommand.self, CallbacksCommand.self,
    ])

  /// - Parameter registering: adds operators, passes, optimizers and the like to their registries.
  static func main(registering: () throws -> Void) {
    // A reader that has gone is an error of `write`, and ends the program without a trace.
    signal(SIGPIPE, SIG_IGN)
    // A limit on the size of files (`ulimit -f`) is then an error that names the file, like a full disk.
    signal(SIGXFSZ, SIG_IGN)
    do {
      try registering()
      try checkName(of: CommandLine.arguments.dropFirst().first)
      var command = try parseAsRoot(optionalValues(Array(CommandLine.arguments.dropFirst())))
      try command.run()
    } catch let error as ApusError {
      Terminal.report(error)
      Foundation.exit(error.fault.rawValue)
    } catch let error where error is EncodingError || error is DecodingError {
      Terminal.report(ApusError.defect("\(error)"))
      Foundation.exit(ApusError.Fault.defect.rawValue)
    } catch {
      // The parser's own exit code for a wrong command line is sysexits' 64; ours is the shells' 2.
      let code = exitCode(for: error)
      guard code == .success else {
        let name = CommandLine.arguments.dropFirst().first
        let command = configuration.subcommands.first { $0.configuration.commandName == name }
        Terminal.writeError(UnknownOption.amended(fullMessage(for: error), command: command) + "\n")
        Foundation.exit(code == .validationFailure ? ApusError.Fault.usage.rawValue : code.rawValue)
      }
      Terminal.write(fullMessage(for: error, columns: Terminal.width) + "\n")
      Foundation.exit(code.rawValue)
    }
  }

  /// `--validate` takes a value, or none: what follows is a value only if it is one that it takes.
  private static func optionalValues(_ arguments: [String]) -> [String] {
    var result: [String] = []
    for argument in arguments {
      if result.last == "--validate" {
        let isValue = JudgingOptions.Validation(rawValue: argument) != nil
        result[result.count - 1] = "--validate=" + (isValue ? argument : "passes")
        if isValue { continue }
      }
      result.append(argument)
    }
    if result.last == "--validate" { result[result.count - 1] = "--validate=passes" }
    return result
  }

  /// The parser answers a misspelt subcommand with "Unexpected argument", which says neither what was nor what would be
  /// right.
  private static func checkName(of word: String?) throws {
    guard let word, !word.hasPrefix("-"), !word.isEmpty else { return }
    let names = configuration.subcommands.compactMap { $0.configuration.commandName }
    // `apus help WORD` explains a subcommand.
    if word == "help" { return try checkName(of: CommandLine.arguments.dropFirst(2).first { $0 != word }) }
    guard !names.contains(word) else { return }
    throw ApusError.usage(
      "there is no subcommand '\(word)'",
      help: Suggestion.didYouMean(word, among: names) ?? "one of \(names.joined(separator: ", "))")
  }
}
