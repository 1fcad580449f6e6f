import Apus
import Foundation
import TestSupport
import Testing

/// `apus` as a newcomer uses it: exit codes, where text goes, what messages say.
@Suite struct CommandLineTests {
  // MARK: Usage

  @Test(arguments: ["train", "evaluate", "predict", "data", "plot", "dump", "opt", "run", "bench", "ops", "passes"])
  func everySubcommandExplainsItself(_ name: String) throws {
    let result = try runProgram(arguments: [name, "--help"])
    #expect(result.status == 0 && result.errors.isEmpty)
    #expect(result.output.contains("USAGE: apus \(name)"))
    // A sentence that the parser breaks at a newline of the source reads as two.
    #expect(result.output.split(separator: "\n").allSatisfy { $0.hasPrefix("USAGE") || $0.count <= 80 })
    let options = result.output.matches(of: #/\n  (?:-\w, )?--?(?<name>[a-zA-Z-]+)[^\n]*(?:\n {10,}[^\n]*)*/#)
    for option in options {
      let words = option.output.0.split(whereSeparator: \.isWhitespace)
      #expect(words.count > 3, "\(name) does not explain \(option.output.name)")
    }
  }

  @Test(arguments: CommandCase.usage) func wrongCommandLinesExitWith2(_ example: CommandCase) throws {
    try example.check(status: .usage)
  }

  @Test(arguments: CommandCase.input) func wrongInputsExitWith1(_ example: CommandCase) throws {
    try example.check(status: .input)
  }

  @Test(arguments: CommandCase.done) func whatIsUnusualButRightExitsWith0(_ example: CommandCase) throws {
    let folder = try ExampleFolder.shared.get()
    let result = try runProgram(arguments: example.arguments, input: example.bytes, in: folder)
    #expect(result.status == 0 && !result.wasSignalled, "\(result.errors)")
    #expect(result.output.contains(example.message), "\(result.output)")
    #expect(!(result.output + result.errors).contains { $0 == "\u{1B}" || $0 == "\u{8}" }, "controls of a terminal")
  }

  // MARK: Outputs

  /// JSON of every command that prints it, with numbers that JSON does not have.
  @Test(arguments: [
    [
      "train", "mlp.graph", "--data", "tiny", "--epochs", "3", "--optimizer", "sgd(learning_rate=1e30)", "--json",
      "--on-nan", "continue",
    ],
    ["train", "mlp.graph", "--data", "tiny", "--epochs", "0", "--json"],
    ["evaluate", "trained", "--data", "tiny", "--json"], ["predict", "trained", "--data", "tiny", "--json"],
    ["run", "infinite.graph", "--json"], ["dump", "infinite.graph", "--format", "json"],
    ["ops", "--json"], ["ops", "matmul", "--json"], ["passes", "--json"],
  ])
  func jsonParses(_ arguments: [String]) throws {
    let result = try runProgram(arguments: arguments, in: ExampleFolder.shared.get())
    #expect(result.status == 0, "\(result.errors)")
    #expect(throws: Never.self) {
      try JSONSerialization.jsonObject(with: Data(result.output.utf8), options: .fragmentsAllowed)
    }
  }

  /// A training step is a graph like any other: it prints in full, parses, and goes through passes.
  @Test func trainingStepsGoThroughOpt() throws {
    let folder = try ExampleFolder.shared.get()
    let dump = ["dump", "--training", "--bind", "batch=4"]
    let file = try runProgram(arguments: dump + ["mlp.graph"], in: folder)
    let piped = try runProgram(
      arguments: dump + ["-"], input: Array(Repository.text("Graphs/Models/mlp.graph").utf8), in: folder)
    #expect(file.status == 0 && file.output.contains("u8[4, 28, 28]"), "\(file.errors)")
    #expect(piped.output == file.output, "\(piped.errors)")
    // Validation takes 45 s of processor time in a debug build, and all other tests run meanwhile.
    let optimized = try runProgram(
      arguments: ["opt", "-", "--pipeline", "training", "--stats", "--validate", "--elide"],
      input: Array(file.output.utf8), limit: 300, in: folder)
    #expect(optimized.status == 0, "\(optimized.errors)")
    #expect(optimized.errors.contains("passes validated"))
  }

  /// `apus dump <(program)`: a pipe in place of a file.
  @Test func graphsAreReadFromPipes() throws {
    let folder = try ExampleFolder.shared.get()
    let script = "cat mlp.graph | '\(Repository.program.path)' dump /dev/fd/0"
    let result = try runProgram(URL(fileURLWithPath: "/bin/sh"), arguments: ["-c", script], in: folder)
    #expect(result.status == 0 && result.output.contains("graph @mlp"), "\(result.errors)")
  }

  /// Files that cannot be written are found before the data are even looked for.
  @Test(arguments: [("--plot", "nowhere/x.svg"), ("--plot", "tiny"), ("--save", "empty"), ("--save", "empty/below")])
  func unwritableOutputsAreFoundBeforeTraining(_ option: String, _ path: String) throws {
    let result = try runProgram(
      arguments: ["train", "mlp.graph", "--data", "no such data", option, path], in: ExampleFolder.shared.get())
    #expect(result.status == 1 && result.output.isEmpty)
    #expect(result.errors.contains("\(option) '\(path)'"), "\(result.errors)")
  }

  /// Standard output that is gone, ignored signals included, or full: no crash, no trace.
  @Test(arguments: [
    ("apus ops --markdown | true", ""), ("trap '' PIPE; apus ops --markdown | true", ""),
    ("apus ops --markdown >&-", "cannot be written"), ("apus ops --markdown >/dev/full", "cannot be written"),
    ("apus ops --help >/dev/full", "cannot be written"), ("apus ops frob 2>/dev/full", ""),
  ])
  func outputsThatAreGoneEndQuietly(_ script: String, _ message: String) throws {
    let program = Repository.program.deletingLastPathComponent().path
    let result = try runProgram(
      URL(fileURLWithPath: "/bin/sh"), arguments: ["-c", "PATH='\(program)':$PATH; \(script)"])
    #expect(!result.wasSignalled)
    #expect(message.isEmpty ? result.errors.isEmpty : result.errors.contains(message), "\(result.errors)")
    #expect(!result.errors.contains("crash") && result.errors.utf8.count < 200, "\(result.errors)")
  }
}
