import Apus
import ArgumentParser
import Foundation

struct DiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff", abstract: "Compares two graphs by structure.",
    discussion: """
      Names, the order of nodes and which of two equal constants is read make no difference; parameters and variables
      are taken by position. Exit code 1 where the graphs differ.

        apus diff before.graph after.graph
        apus diff Graphs/Models/mlp.graph Graphs/Models/mlp.graph --new-passes simplify,fuse
        apus diff before.graph after.graph --format html > difference.html
      """)

  enum Format: String, CaseIterable, ExpressibleByArgument { case text, json, html }

  @Argument(help: "The graph file, or the folder of a saved model, as it was; - is standard input.")
  var old: String

  @Argument(help: "As it is now.")
  var new: String

  @Option(help: "Run these passes on the new graph first: their effect is the difference.")
  var newPasses: String?

  @Option(help: "text, json or html.")
  var format = Format.text

  private struct Comparison: Encodable {
    let graph: String
    let changes: [GraphDifference.Change]
  }

  func validate() throws {
    guard old != "-" || new != "-" else { throw ValidationError("Standard input can be one of the two graphs.") }
  }

  func run() throws {
    let before = try GraphFile.load(old)
    var after = try GraphFile.load(new)
    if let newPasses {
      let pipeline = try Pipeline(parsing: newPasses)
      after = try after.map { try pipeline.run($0).graph }
    }
    guard before.count == after.count else {
      throw ApusError.input(
        "'\(old)' holds \(before.count) graph\(before.count == 1 ? "" : "s") and '\(new)' \(after.count)",
        help: "compare files of as many graphs")
    }
    let differences = zip(before, after).map { ($0.name, GraphDifference($0, $1)) }
    switch format {
    case .text:
      for (name, difference) in differences where !difference.isEmpty {
        Terminal.write((differences.count > 1 ? "@\(name)\n" : "") + difference.text)
      }
    case .json: try Terminal.writeJSON(differences.map { Comparison(graph: $0.0, changes: $0.1.changes) })
    case .html:
      Terminal.write(GraphDifference.html("\(old) and \(new)", differences.map { (name: $0.0, difference: $0.1) }))
    }
    if differences.contains(where: { !$0.1.isEmpty }) { Foundation.exit(1) }
  }
}
