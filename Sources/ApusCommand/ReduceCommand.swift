import Apus
import ArgumentParser
import Foundation

struct ReduceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reduce", abstract: "Makes a graph small for which a command fails.",
    discussion: """
      COMMAND is run by the shell on smaller and smaller graphs; {} in it is the file with the graph, which is appended if \
      there is no {}. It fails if it ends with the exit code, other than 0, that it ends with on FILE. What it prints is \
      dropped.

        apus reduce model.graph --check "apus opt {} -O2 --validate" --output small.graph
        apus reduce model.graph --check "! apus dump {} --stage plan | grep -q 'barrier'"

      Results are dropped, nodes become parameters, constants or one of their operands, regions are opened, sizes shrink. \
      FILE stays as it is. The result is printed if --output is left out.
      """)

  @OptionGroup var input: GraphInput

  @Option(help: ArgumentHelp("What fails on the graph.", valueName: "command"))
  var check: String

  @Option(name: .shortAndLong, help: "A file for the small graph.")
  var output: String?

  @Option(help: "How often to run the command at most.")
  var limit = 2000

  @Option(
    help: ArgumentHelp("A run of the command that takes longer does not count as a failure.", valueName: "seconds"))
  var timeout = 60.0

  func validate() throws {
    guard limit >= 1 else { throw ValidationError("--limit must be at least 1.") }
    guard timeout > 0 else { throw ValidationError("--timeout must be above 0.") }
    guard !check.allSatisfy(\.isWhitespace) else { throw ValidationError("--check is empty.") }
  }

  func run() throws {
    if let output { try OutputPath.checkFile(output, "--output") }
    let graphs = try input.load()
    let shell = try CheckCommand(check, timeout: timeout)
    defer { shell.removeFolder() }

    // Of several graphs the first on which the command fails alone.
    var failing: (graph: Graph, status: Int32)?
    for graph in graphs where failing == nil {
      guard let status = try shell.status(on: graph) else {
        throw ApusError.input(
          "the command took longer than \(timeout.canonical) s on @\(graph.name)", help: "give a larger --timeout")
      }
      if status != 0 { failing = (graph, status) }
    }
    guard let (graph, status) = failing else {
      throw ApusError.input(
        "the command succeeds on \(graphs.count == 1 ? input.file : "each graph of \(input.file) alone"), so there is nothing to make small",
        help: "--check takes a command whose exit code is not 0 where the failure is")
    }
    guard status != CheckCommand.notFound, status != CheckCommand.notRunnable else {
      throw ApusError.input(
        "the shell cannot run the command: exit code \(status)", help: "try it: \(shell.line(for: input.file))")
    }
    var tries = 0
    var reducer = GraphReducer { item in
      tries += 1
      return try shell.status(on: item.graph) == status
    }
    reducer.limit = limit
    if Terminal.errorIsTerminal {
      reducer.progress = { Terminal.writeError("\r\($0.graph.computationCount) nodes left  ") }
    }
    let small = try reducer.reduced(GraphCase(graph: graph)).graph
    let summary =
      "\(small.computationCount) of \(graph.computationCount) nodes left after \(tries) runs; exit code \(status)"
    Terminal.writeError((Terminal.errorIsTerminal ? "\r" : "") + "@\(graph.name): \(summary)\n")
    // A line of the command may hold anything but a line's end.
    let command = check.split(whereSeparator: \.isNewline).joined(separator: " ")
    let text = "// \(summary): \(command)\n" + small.text()
    guard let output else { return Terminal.write(text) }
    try AtomicFile.write(text, to: output)
  }
}

/// A command of the user's that is run on graphs, in a folder of its own.
struct CheckCommand {
  /// Exit codes of shells for a command that there is not, or that is no program.
  static let (notRunnable, notFound): (Int32, Int32) = (126, 127)
  private let command: String
  private let timeout: Double
  private let folder: String
  private var file: String { folder + "/candidate.graph" }

  init(_ command: String, timeout: Double) throws {
    (self.command, self.timeout) = (command, timeout)
    // The path goes into the command as it is: a folder whose name a shell would take apart is not used.
    let usual = NSTemporaryDirectory()
    let isPlain = usual.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "/._-".contains($0)) }
    folder = (isPlain && !usual.isEmpty ? usual : "/tmp/") + "/apus-reduce-\(UUID().uuidString)"
    do { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) } catch {
      throw ApusError.file(folder, "cannot be made: \(error.localizedDescription)")
    }
  }

  func removeFolder() { try? FileManager.default.removeItem(atPath: folder) }

  /// What the shell runs for a file.
  func line(for file: String) -> String {
    command.contains("{}") ? command.replacing("{}", with: file) : "\(command) \(file)"
  }

  /// The exit code of the command on a graph; for a signal 128 and its number, as shells say it; nil if it took too long.
  func status(on graph: Graph) throws -> Int32? {
    do { try graph.text().write(toFile: file, atomically: false, encoding: .utf8) } catch {
      throw ApusError.file(file, "cannot be written: \(error.localizedDescription)")
    }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", line(for: file)]
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    let done = DispatchSemaphore(value: 0)
    process.terminationHandler = { _ in done.signal() }
    do { try process.run() } catch {
      throw ApusError.input("the shell /bin/sh cannot be run: \(error.localizedDescription)")
    }
    if done.wait(timeout: .now() + timeout) == .timedOut {
      // The shell's group: what it started, too.
      kill(-process.processIdentifier, SIGKILL)
      kill(process.processIdentifier, SIGKILL)
      done.wait()
      return nil
    }
    return process.terminationReason == .uncaughtSignal ? 128 + process.terminationStatus : process.terminationStatus
  }
}
