import ApusCore
import Foundation

/// Layout by the program `dot` of the Graphviz package.
public enum Graphviz {
  /// The drawing of a graph in Graphviz's language, as SVG.
  /// - Throws: `ApusError` if the program is missing or refuses the text.
  public static func svg(_ dot: String) throws -> String { try layout(dot, as: "svg") }

  /// Layouts of any number of graphs, in Graphviz's format for programs: positions in inches from the lower left corner.
  /// - Throws: as `svg`.
  package static func plain(_ dot: String) throws -> String { try layout(dot, as: "plain") }

  private static func layout(_ dot: String, as format: String) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["dot", "-T\(format)"]
    let input = Pipe()
    let output = Pipe()
    let errors = Pipe()
    (process.standardInput, process.standardOutput, process.standardError) = (input, output, errors)
    do { try process.run() } catch { throw missing }
    // The text is written on a thread of its own: `dot` may fill its output before it has read all input.
    let text = Data(dot.utf8)
    let writer = Thread {
      // If `dot` is missing the pipe has no reader: an error here, and not the end of the process.
      var pipe = sigset_t()
      sigemptyset(&pipe)
      sigaddset(&pipe, SIGPIPE)
      pthread_sigmask(SIG_BLOCK, &pipe, nil)
      try? input.fileHandleForWriting.write(contentsOf: text)
      try? input.fileHandleForWriting.close()
    }
    writer.start()
    let svg = output.fileHandleForReading.readDataToEndOfFile()
    let message = errors.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    switch process.terminationStatus {
    case 0: return String(decoding: svg, as: UTF8.self)
    case 127: throw missing
    default:
      throw ApusError.defect("Graphviz refused the graph: \(String(decoding: message, as: UTF8.self))")
    }
  }

  /// - Throws: `ApusError` if the program is missing: to be called before long work for a drawing.
  package static func check() throws { _ = try plain("graph {}") }

  private static var missing: ApusError {
    .input(
      "drawing needs Graphviz's program 'dot', which was not found", help: "apt-get install graphviz",
      commandHelp: "apt-get install graphviz; or do without: report --no-drawings, dump --format dot")
  }
}
