import Apus
import ApusCore
import Foundation

/// Where text goes: results to stdout, everything about them to stderr, colors only if a terminal shows it.
enum Terminal {
  static let outputIsTerminal = isatty(STDOUT_FILENO) == 1
  static let errorIsTerminal = isatty(STDERR_FILENO) == 1

  /// Writes a result to standard output. Where that cannot take it, the program ends: quietly where the reader has gone
  /// (`apus dump … | head -1`), with a message where a disk is full.
  static func write(_ text: String) {
    guard let failure = Descriptor.write(text, to: STDOUT_FILENO) else { return }
    if failure != EPIPE {
      report(ApusError.input("standard output cannot be written: \(String(cString: strerror(failure)))"))
    }
    Foundation.exit(ApusError.Fault.input.rawValue)
  }

  /// If standard error cannot be written, there is no place left to report it.
  static func writeError(_ text: String) { Descriptor.write(text, to: STDERR_FILENO) }

  /// Standard output as a place for progress.
  static var output: ProgressOutput { ProgressOutput(isTerminal: outputIsTerminal) { write($0) } }
  /// Standard error as a place for progress, for programs whose output is read by others.
  static var errors: ProgressOutput { ProgressOutput(isTerminal: errorIsTerminal) { writeError($0) } }

  static func report(_ error: ApusError) {
    for diagnostic in error.diagnostics { report(diagnostic) }
  }

  static func report(_ diagnostic: Diagnostic) {
    var diagnostic = diagnostic
    diagnostic.help = diagnostic.commandHelp ?? diagnostic.help
    var text = diagnostic.description
    if errorIsTerminal {
      let color = diagnostic.severity == .error ? "31" : diagnostic.severity == .warning ? "33" : "36"
      let word = "\(diagnostic.severity.rawValue):"
      if let range = text.range(of: word) { text.replaceSubrange(range, with: "\u{1B}[1;\(color)m\(word)\u{1B}[0m") }
    }
    writeError(text + "\n")
  }

  /// Columns of the terminal; nil if standard output is none.
  static var width: Int? {
    var size = winsize()
    return ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : nil
  }

  /// `accuracy: 0.8720 - loss: 0.3612`
  static func list(_ logs: [String: Double]) -> String {
    logs.sorted { $0.key < $1.key }.map { "\($0.key): \(String(format: "%.4f", $0.value))" }.joined(separator: " - ")
  }

  /// The value as JSON, keys sorted, on one line; NaN and infinities are strings.
  static func writeJSON(_ value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
    write(String(decoding: try encoder.encode(value), as: UTF8.self) + "\n")
  }
}
