import Apus
import ArgumentParser
import Foundation

/// The graph file that most subcommands take.
struct GraphInput: ParsableArguments {
  @Argument(
    help: ArgumentHelp(
      "A .graph file, a folder that `train --save` wrote, or - for standard input.", valueName: "file"))
  var file: String

  @Option(
    name: .customLong("bind"),
    help: ArgumentHelp(
      "Give symbols of shapes a size, as batch=32; repeat or separate by commas.", valueName: "symbol=size"))
  var bindings: [String] = []

  /// All graphs of the file, symbols bound.
  func load() throws -> [Graph] { try bind(loadUnbound()) }

  /// All graphs of the file as they are written there.
  func loadUnbound() throws -> [Graph] { try GraphFile.load(file) }

  /// - Throws: `ApusError` if none of `graphs` has a symbol that --bind names.
  func bind(_ graphs: [Graph]) throws -> [Graph] {
    let bindings = try parseBindings()
    for name in bindings.keys.sorted() where !graphs.contains(where: { $0.symbols.contains(name) }) {
      let known = graphs.flatMap(\.symbols)
      throw ApusError.usage(
        "no graph in \(file) has a symbol '\(name)'",
        help: Suggestion.didYouMean(name, among: known)
          ?? (known.isEmpty ? nil : "its symbols: \(known.joined(separator: ", "))"))
    }
    return try graphs.map { graph in try graph.specialized(bindings.filter { graph.symbols.contains($0.key) }) }
  }

  /// Whether FILE is a folder with a saved model: then weights lie beside the graph.
  var isSavedModel: Bool { GraphFile.isSavedModel(file) }

  /// All graphs of the file, symbols bound; and if FILE is a saved model's folder, the model, read at the same time: it
  /// may be replaced at any moment.
  func loadAll() throws -> (graphs: [Graph], saved: SavedModel?) {
    let saved = isSavedModel ? try SavedModel(contentsOf: file) : nil
    return (try bind(saved?.graphs ?? loadUnbound()), saved)
  }

  /// The file's only graph, and if FILE is a saved model's folder, the model.
  func loadModel() throws -> (graph: Graph, saved: SavedModel?) {
    let (graphs, saved) = try loadAll()
    return (try one(of: graphs), saved)
  }

  /// The same as the file has it: its symbols are not bound.
  func loadUnboundModel() throws -> (graph: Graph, saved: SavedModel?) {
    let saved = isSavedModel ? try SavedModel(contentsOf: file) : nil
    return (try one(of: saved?.graphs ?? loadUnbound()), saved)
  }

  /// A saved model and its graph.
  /// - Throws: `ApusError` if FILE is not a saved model: predictions of untrained weights are of no use.
  func loadTrained() throws -> (graph: Graph, saved: SavedModel) {
    guard isSavedModel, case (let graph, let saved?) = try loadModel() else {
      throw ApusError.input("'\(file)' holds no weights", help: "give the folder that `apus train --save` wrote")
    }
    return (graph, saved)
  }

  /// A saved model with its weights and the names of its classes, to be run and measured. It does not go on training.
  /// - Parameters:
  ///   - loss: what is measured, and what says how outputs are read.
  ///   - metrics: what is measured besides.
  func trained(
    backend: any Backend, loss: (SavedModel) throws -> Loss, metrics: (SavedModel) throws -> [Metric] = { _ in [] }
  ) throws -> (trainer: Trainer, saved: SavedModel) {
    let (graph, saved) = try loadTrained()
    let trainer = try Trainer(
      graph, optimizer: SGD(), loss: loss(saved), metrics: metrics(saved), backend: backend)
    try saved.give(to: trainer.session, of: graph)
    trainer.classNames = saved.state?.classNames ?? []
    return (trainer, saved)
  }

  /// The file's only graph, as it stands.
  func loadOne() throws -> Graph { try one(of: load()) }

  /// - Throws: `ApusError` unless there is one graph.
  func one(of graphs: [Graph]) throws -> Graph {
    guard graphs.count == 1, let graph = graphs.first else {
      throw ApusError.input(
        "\(file) holds \(graphs.count) graphs; this command wants one",
        help: "put one of \(graphs.map { "@\($0.name)" }.joined(separator: ", ")) into a file of its own")
    }
    return graph
  }

  func parseBindings() throws -> [String: Int] {
    var result: [String: Int] = [:]
    for part in bindings.flatMap({ $0.split(separator: ",") }) {
      let sides = part.split(separator: "=", maxSplits: 1)
      guard sides.count == 2, let size = Int(sides[1]), size >= 0 else {
        throw ApusError.usage("--bind \(part) is not symbol=size", help: "for example --bind batch=32")
      }
      let name = String(sides[0])
      if let earlier = result.updateValue(size, forKey: name), earlier != size {
        throw ApusError.usage("--bind gives '\(name)' two sizes, \(earlier) and \(size)")
      }
    }
    return result
  }
}

extension GraphFile {
  /// Whether there is a folder at `path`, where `train --save` may have put a model.
  static func isSavedModel(_ path: String) -> Bool {
    var isDirectory: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && isDirectory.boolValue
  }
}
