import Apus
import ArgumentParser

/// What the program says of an option that it does not have.
enum UnknownOption {
  /// Names that other programs have, with what a command must have to be told about it, and what it is told.
  private static let known: [(names: [String], option: String, help: String)] = [
    (
      ["--lr", "--learning-rate", "--learning_rate"], "--optimizer",
      "it is a setting of the optimizer: --optimizer \"adam(learning_rate=0.1)\""
    ),
    (["--batch-size", "--batch_size"], "--batch", "did you mean '--batch'?"),
  ]

  /// The parser's message with a suggestion that is one. The parser offers any option that is four changes away, so that it
  /// answers `--lr` with `--color`.
  /// - Parameter command: the subcommand.
  static func amended(_ message: String, command: ParsableCommand.Type?) -> String {
    var lines = message.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    guard let parts = lines[0].wholeMatch(of: #/(?<start>.*Unknown option '(?<name>--[^']*)')(?<guess>\..*)?/#) else {
      return message
    }
    let name = String(parts.name)
    let options = options(of: command)
    let help = known.first { $0.names.contains(name) && options.contains($0.option) }?.help
    let text = help ?? Suggestion.didYouMean(name, among: options)
    lines[0] = parts.start + (text.map { "\n  help: \($0)" } ?? "")
    return lines.joined(separator: "\n")
  }

  /// The long options of a subcommand.
  private static func options(of command: ParsableCommand.Type?) -> [String] {
    guard let command else { return [] }
    return RootCommand.helpMessage(for: command, columns: 1000).matches(of: #/(?:^|\s)(--[a-z][a-z0-9-]*)/#).map {
      String($0.output.1)
    }
  }
}
