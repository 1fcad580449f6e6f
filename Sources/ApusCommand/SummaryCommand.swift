import Apus
import ArgumentParser

struct SummaryCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "summary", abstract: "Prints a model's layers, output shapes and parameters, as Keras does.",
    discussion: """
      A layer is what the nodes of a graph name with `from`. Where layers branch, a column says what each reads.

        apus summary Graphs/Models/mlp.graph
        apus summary Graphs/Models/mlp.graph --style classic
      """)

  enum Style: String, CaseIterable, ExpressibleByArgument {
    case box, classic
  }

  @OptionGroup var input: GraphInput

  @Option(help: "box: Keras 3, a table in box-drawing characters; classic: Keras 2, lines of = and _.")
  var style = Style.box

  func run() throws {
    let texts = try input.load().map {
      $0.summary(style: style == .box ? .box : .classic, terminalWidth: Terminal.width)
    }
    Terminal.write(texts.joined(separator: "\n"))
  }
}
