import Apus
import Foundation

/// Where text goes: results to stdout, everything about them to stderr, colours only where somebody looks.
enum Terminal {
  static let outputIsTerminal = isatty(STDOUT_FILENO) == 1
  static let errorIsTerminal = isatty(STDERR_FILENO) == 1

  static func write(_ text: String) { FileHandle.standardOutput.write(Data(text.utf8)) }
  static func writeError(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }

  static func report(_ error: ApusError) {
    for diagnostic in error.diagnostics { report(diagnostic) }
  }

  static func report(_ diagnostic: Diagnostic) {
    var text = diagnostic.description
    if errorIsTerminal {
      let colour = diagnostic.severity == .error ? "31" : diagnostic.severity == .warning ? "33" : "36"
      let word = "\(diagnostic.severity.rawValue):"
      if let range = text.range(of: word) { text.replaceSubrange(range, with: "\u{1B}[1;\(colour)m\(word)\u{1B}[0m") }
    }
    writeError(text + "\n")
  }

  /// Columns of the terminal; nil where standard output is none.
  static var width: Int? {
    var size = winsize()
    return ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : nil
  }

  /// `accuracy: 0.8720 - loss: 0.3612`
  static func list(_ logs: [String: Double]) -> String {
    logs.sorted { $0.key < $1.key }.map { "\($0.key): \(String(format: "%.4f", $0.value))" }.joined(separator: " - ")
  }

  /// The value as JSON, keys sorted, on one line.
  static func writeJSON(_ value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    write(String(decoding: try encoder.encode(value), as: UTF8.self) + "\n")
  }
}
