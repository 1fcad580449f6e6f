import Apus
import Foundation
import TestSupport
import Testing

/// A graph compiled ahead of time gives the bits of a native run, by one thread and by several. `AheadOfTimeTests` holds
/// that the plan is the same for models that are too large to be run here.
@Suite struct CompileModelsTests {
  /// Three filters that Winograd's algorithm transforms ahead, with a bias and a product after them.
  static let winograd = """
    graph @winograd(%x: f32[2, 24, 24, 16]) {
      %w: f32[3, 3, 16, 32] = variable(glorot_uniform)
      %v: f32[3, 3, 32, 16] = variable(glorot_uniform)
      %b: f32[32] = variable(uniform(low: -1, high: 1))
      %1 = convolution(%x, %w, padding: same)
      %2 = add(%1, %b)
      %3 = relu(%2)
      %4 = convolution(%3, %v, padding: same)
      return %4
    }
    """

  /// - Parameter tile: of Winograd's algorithm; nil: as the cost model says.
  private static func compare(
    _ folder: URL, _ text: String, _ name: String, tile: Int? = nil, cpu: String = "native"
  ) throws {
    let file = folder.appendingPathComponent("\(name).graph")
    try Data(text.utf8).write(to: file)
    let parsed = try #require(Graph.parse(text, file: name, catalog: .standard).first)
    let bind = parsed.symbols.isEmpty ? [] : ["--bind", "batch=2"]
    let compiled = try runProgram(
      arguments: [
        "compile", file.path, "-o", folder.path, "--seed", "5", "--winograd", tile.map(String.init) ?? "auto",
        "--target-cpu", cpu,
      ] + bind, limit: 120)
    #expect(compiled.status == 0, "\(compiled.errors)")
    let graph = try parsed.bound(to: .inference).specialized(parsed.symbols.isEmpty ? [:] : ["batch": 2])
    let inputs = RandomInputs(seed: 3)
    let feeds = try graph.parameters.map { try inputs.tensor(graph.name(of: $0) ?? "", graph.type(of: $0)) }
    var backend = NativeBackend(workers: 2, target: try .named(cpu))
    backend.winogradTile = tile ?? 0
    let expected = try Session(backend: backend, seed: 5).load(graph).run(feeds).reduce(into: Data()) { data, tensor in
      tensor.withUnsafeBytes { data.append(contentsOf: $0) }
    }
    for threads in [[], ["-DTHREADS=1"], ["-DTHREADS=4"]] {
      let options = threads + (threads.isEmpty ? [] : ["-D\(name.uppercased())_WITH_THREADS", "-pthread"])
      let bytes = try CompileTests.runInC(folder, name, feeds: feeds, outputs: graph.outputTypes, options: options)
      #expect(bytes == expected, "\(name) \(threads)")
    }
  }

  @Test(arguments: ["logistic", "cnn", "lenet5", "gru"]) func smallModelsGiveTheSameBits(_ name: String) throws {
    try CompileTests.withFolder { try Self.compare($0, Repository.text("Graphs/Models/\(name).graph"), name) }
  }

  @Test(arguments: [nil, 2, 4, 6]) func winogradGivesTheSameBits(_ tile: Int?) throws {
    try CompileTests.withFolder { try Self.compare($0, Self.winograd, "winograd", tile: tile) }
  }

  /// A training step in C: after two steps the loss and all variables, the optimizer's too, are those of two native steps.
  @Test(arguments: [("mlp", "adam"), ("lstm", "rmsprop"), ("cnn", "sgd(momentum=0.9)")])
  func trainingStepsGiveTheSameBits(_ name: String, _ optimizer: String) throws {
    try CompileTests.withFolder { folder in
      let compiled = try runProgram(
        arguments: [
          "compile", Repository.file("Graphs/Models/\(name).graph").path, "--training", "--optimizer", optimizer, "-o",
          folder.path, "--seed", "5", "--bind", "batch=4",
        ], limit: 120)
      #expect(compiled.status == 0, "\(compiled.errors)")
      let model = try #require(
        Graph.parse(Repository.text("Graphs/Models/\(name).graph"), file: name, catalog: .standard).first)
      let step = try model.trainingStep(
        loss: .sparseCategoricalCrossEntropy, optimizer: OptimizerRegistry.named(optimizer),
        metrics: [.named("accuracy")]
      ).specialized(["batch": 4])
      let inputs = RandomInputs(seed: 3)
      let feeds = try step.parameters.map { try inputs.tensor(step.name(of: $0) ?? "", step.type(of: $0)) }
      let session = Session(backend: NativeBackend(workers: 2), seed: 5)
      let program = try session.load(step)
      _ = try program.run(feeds)
      var expected = try program.run(feeds)
      // The order of the weights file is the plan's: told by the header.
      let header = try String(contentsOf: folder.appendingPathComponent("\(name)_training.h"), encoding: .utf8)
      let labels = header.matches(of: #/\n  \{"(?<label>[^"]+)", \d+, \d+\},/#).map { String($0.output.label) }
      #expect(labels.contains("step") && labels.contains { $0.hasPrefix("optimizer/") }, "\(labels)")
      for label in labels { expected.append(try #require(session.value(of: label))) }
      let bytes = expected.reduce(into: Data()) { data, tensor in
        tensor.withUnsafeBytes { data.append(contentsOf: $0) }
      }
      let upper = "\(name)_training".uppercased()
      let result = try CompileTests.runInC(
        folder, "\(name)_training", feeds: feeds, outputs: step.outputTypes,
        options: ["-DVARIABLES=\(upper)_VARIABLES", "-DTHREADS=3", "-D\(upper)_WITH_THREADS", "-pthread"])
      #expect(result == bytes)
    }
  }
}
