import Apus
import ArgumentParser

/// Training that begins with the weights of another model.
struct TransferOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      A saved model whose weights FILE begins with: those with the same name and shape. What was taken is said, and what \
      was not.
      """, valueName: "folder"))
  var weights: String?

  @Option(
    help: ArgumentHelp(
      """
      Layers that training leaves as they are, separated by commas: names as `apus summary` shows them, with * for any \
      letters, as "conv*".
      """, valueName: "patterns"))
  var freeze: String?

  /// - Parameters:
  ///   - resume: whether training goes on with everything.
  ///   - isSaved: whether FILE has weights of its own.
  func check(resume: Bool, isSaved: Bool) throws {
    if resume, let option = weights != nil ? "--weights" : freeze != nil ? "--freeze" : nil {
      throw ApusError.usage(
        "\(option) begins a training, and --resume goes on with one", help: "leave one of them out")
    }
    guard weights != nil else { return }
    guard !isSaved else {
      throw ApusError.usage(
        "FILE is a saved model and has weights of its own, so --weights cannot give it others",
        help: "give its graph: FILE/model.graph")
    }
  }

  /// The saved model of --weights.
  func base() throws -> SavedModel? {
    guard let weights else { return nil }
    guard GraphFile.isSavedModel(weights) else {
      throw ApusError.input(
        "--weights '\(weights)' is not a folder with a saved model",
        help: "give a folder that `apus train --save` wrote")
    }
    return try SavedModel(contentsOf: weights)
  }

  /// The graph with the layers of --freeze frozen, and what to say about it.
  func frozen(_ graph: Graph) throws -> (graph: Graph, note: String) {
    guard let freeze else { return (graph, "") }
    let patterns = freeze.split(separator: ",").map { $0.filter { $0 != " " } }
    guard !patterns.isEmpty else { throw ApusError.usage("--freeze names no layers") }
    let (frozen, layers) = try graph.frozen(patterns)
    return (frozen, "frozen: \(layers.joined(separator: ", "))\n")
  }
}
