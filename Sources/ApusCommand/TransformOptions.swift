import Apus
import ArgumentParser

/// What is made of a file's graphs before passes see them: bound to a mode, with gradients, or a whole training step.
struct TransformOptions: ParsableArguments {
  @Flag(help: "Append the gradient of the only output, summed, by all trainable variables.")
  var gradient = false

  @Flag(help: "The whole training step of a model: loss, gradients, the optimizer's updates.")
  var training = false

  @OptionGroup var loss: LossOptions

  @Option(help: "The optimizer of --training, as for `apus train`; rmsprop if left out.")
  var optimizer: String?

  @Option(help: "Bind dropout, batch normalization and the like first: training or inference.")
  var mode: Mode?

  func validate() throws {
    guard !(training && gradient) else {
      throw ValidationError("--training holds the gradients already: leave --gradient out.")
    }
    guard !(training && mode == .inference) else {
      throw ValidationError("--training and --mode inference contradict each other.")
    }
    guard training || optimizer == nil else { throw ValidationError("--optimizer belongs to --training.") }
  }

  func graphs(of input: GraphInput) throws -> [Graph] { try graphs(input.loadUnbound(), of: input) }

  /// - Parameter unbound: the graphs as FILE has them, which may be standard input and is read once.
  func graphs(_ unbound: [Graph], of input: GraphInput) throws -> [Graph] {
    // The batch's symbol is needed until the training step is made.
    var graphs = unbound
    if training { graphs = try graphs.map { try trainingStep($0) } }
    graphs = try input.bind(graphs)
    if let mode { graphs = try graphs.map { try $0.bound(to: mode) } }
    if gradient { graphs = try graphs.map { try $0.bound(to: mode ?? .inference).differentiated() } }
    return graphs
  }

  /// Compares the gradients that --gradient or --training append with differences, in double precision.
  /// - Throws: `ApusError` that names the operator whose gradient is wrong.
  func checkGradients(of unbound: [Graph], _ bindings: [String: Int]) throws {
    guard gradient || training else { return }
    for graph in unbound {
      let forward = try graph.bound(to: mode ?? (training ? .training : .inference))
        .specialized(graph.sizesForValidation(bindings))
      switch try GradientValidation().verdict(on: forward) {
      case .agreement(let count):
        Terminal.writeError("@\(graph.name): \(count) gradient\(count == 1 ? " agrees" : "s agree") with differences\n")
      case .partialAgreement(let count, let all):
        Terminal.writeError(
          "@\(graph.name): \(count) of \(all) gradients agree with differences; the others have kinks, are not finite or bend too much\n")
      case .undecided(let reason): Terminal.writeError("@\(graph.name): gradients were not checked: \(reason)\n")
      case .mismatch(let words): throw ApusError.defect("@\(graph.name): \(words)")
      }
    }
  }

  /// What symbols become that --bind leaves out, where a command has to have sizes: a sample, or the usual batch of a
  /// training step.
  func standardSizes(of graph: Graph) -> [String: Int] {
    Dictionary(uniqueKeysWithValues: graph.symbols.map { ($0, training ? 32 : 1) })
  }

  private func trainingStep(_ model: Graph) throws -> Graph {
    try model.trainingStep(
      loss: loss.makeLoss(), optimizer: OptimizerRegistry.named(optimizer ?? "rmsprop"), metrics: loss.makeMetrics())
  }
}

extension Graph {
  /// Sizes for all symbols: 3 where none is given, as `TranslationValidation` has it.
  func sizesForValidation(_ bindings: [String: Int]) -> [String: Int] {
    Dictionary(uniqueKeysWithValues: symbols.map { ($0, bindings[$0] ?? 3) })
  }
}

extension Mode: ExpressibleByArgument {}
