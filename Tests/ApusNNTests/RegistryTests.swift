import Apus
import ApusGraph
import Foundation
import TestSupport
import Testing

/// Names of a program's own: registered, refused twice, found in saved models.
@Suite struct RegistryTests {
  /// Once a process, as a package does.
  private static let registration = Result {
    try OperatorRegistry.register(CubicRelu.self)
    try PassRegistry.register(CountNodes.self)
    try OptimizerRegistry.register(Signum.self)
    try LossRegistry.register(ScaledError.self)
    try MetricRegistry.register(Bias.self)
    try CallbackRegistry.register(CountEpochs.self)
  }

  init() throws { try Self.registration.get() }

  @Test func registeredNamesAreFound() throws {
    #expect(OperatorRegistry.catalog.names.contains("cubic_relu"))
    #expect(!OperatorCatalog.standard.names.contains("cubic_relu"), "the operators of Apus stay what they are")
    #expect(try Pipeline(parsing: "count-nodes{weight=3}").description == "count-nodes{weight=3}")
    #expect(
      try OptimizerRegistry.named("signum(beta=0.5)").specification == "signum(learning_rate=0.01, beta=0.5)")
    #expect(try Loss.named("scaled_error(scale=3)").specification == "scaled_error(scale=3.0)")
    #expect(try Metric.named("bias").name == "bias" && Metric.names.contains("bias"))
    #expect(try CallbackRegistry.named("count_epochs") is CountEpochs)
    expectUsage("'beta' of optimizer 'signum' must be at least 0 and below 1, not 1.0") {
      try OptimizerRegistry.named("signum(beta=1)")
    }
    expectUsage("did you mean 'signum'?") { try OptimizerRegistry.named("signun") }
  }

  @Test func namesAreGivenOnce() throws {
    expectUsage("there is an optimizer 'signum' already") { try OptimizerRegistry.register(Signum.self) }
    expectUsage("there is a loss 'scaled_error' already") { try LossRegistry.register(ScaledError.self) }
    expectUsage("there is an operator 'cubic_relu' already") { try OperatorRegistry.register(CubicRelu.self) }
    expectUsage("there is a pass 'count-nodes' already") { try PassRegistry.register(CountNodes.self) }
    // Names of Apus, aliases included, are not given away.
    expectUsage("there is a loss 'mse' already") { try LossRegistry.register(Impostor.self) }
    #expect(!LossRegistry.names.contains("impostor"), "nothing of a refused type remains")
    expectUsage("'two words' cannot be the name of a metric") { try MetricRegistry.register(TwoWords.self) }
  }

  /// Registering from many threads loses nothing, and of equal names one is taken.
  @Test func registriesAreThreadSafe() async {
    let registry = NameRegistry<Int>(kind: "thing", registration: "register", [])
    let refused = await withTaskGroup(of: Int.self) { group in
      for i in 0..<64 {
        group.addTask {
          do { try registry.register(i, names: ["own\(i)", "shared\(i % 8)"]) } catch { return 1 }
          return 0
        }
      }
      return await group.reduce(0, +)
    }
    #expect(refused == 56 && registry.entries.count == 8 && registry.names.count == 16)
  }

  /// A model with an operator, an optimizer, a loss and a metric of its own goes on as if it had not been saved.
  @Test func savedModelsLoad() throws {
    let text = """
      graph @own(%x: f32[batch, 3]) {
        %w: f32[3, 2] = variable(glorot_uniform)
        %y = matmul(%x, %w)
        %z = cubic_relu(%y)
        return %z
      }
      """
    let graph = try #require(Graph.parse(text).first)
    let x = try Tensor((0..<24).map { Float($0 % 5) - 1 }, [8, 3])
    let target = try Tensor((0..<16).map { Float($0 % 3) / 2 }, [8, 2])
    func trainer() throws -> Trainer {
      try Trainer(
        graph, optimizer: Signum(beta: 0.5), loss: .named("scaled_error(scale=2)"), metrics: [.named("bias")], seed: 3)
    }
    let (whole, folder) = (try trainer(), try TemporaryFolder())
    let counter = CountEpochs()
    try whole.fit(x, target, batchSize: 4, epochs: 3, verbose: .silent, callbacks: [counter])
    #expect(counter.count == 3 && whole.history.names == ["bias", "loss"])

    let first = try trainer()
    try first.fit(x, target, batchSize: 4, epochs: 1, verbose: .silent)
    try first.save(to: folder.path)
    let second = try Trainer.resumed(from: folder.path)
    #expect(second.optimizer is Signum && second.optimizer.specification == first.optimizer.specification)
    #expect(second.loss.specification == "scaled_error(scale=2.0)")
    try second.fit(x, target, batchSize: 4, epochs: 2, verbose: .silent)
    #expect(second.history == whole.history && second.state == whole.state)
    // The slots of an optimizer of one's own are read like those of Apus.
    let slots = whole.optimizerState
    #expect(slots.map(\.name).sorted() == ["optimizer/learning_rate", "optimizer/w/mean", "optimizer/w/size", "step"])
    #expect(slots.first { $0.name == "step" }?.value.doubles() == [6])
    #expect(slots.first { $0.name == "optimizer/w/size" }?.value.dimensions == [])
  }

  @Test func filledSlotsStartAtTheirValue() throws {
    let graph = try smallModel().graph
    let trainer = try Trainer(graph, optimizer: Signum(), loss: .sparseCategoricalCrossEntropy)
    let slot = try #require(trainer.optimizerState.first { $0.name == "optimizer/dense/kernel/mean" })
    #expect(slot.value.dimensions == [16, 8] && slot.value.doubles().allSatisfy { $0 == 0.25 })
  }

  @Test func unknownNamesInSavedModelsSayWhatToRegister() throws {
    let folder = try TemporaryFolder()
    let nameless = Loss("nameless") { try ($1 - $0).abs() }
    let builder = GraphBuilder("linear")
    let x = try builder.parameter("x", .f32, ["batch", 2])
    let graph = try builder.build([x * builder.variable("w", .f32, [2], .zeros)])
    try Trainer(graph, optimizer: .sgd(), loss: nameless).save(to: folder.path)
    expectError("was trained with the loss 'nameless', which this program does not know") {
      try Trainer.resumed(from: folder.path)
    }
    expectError("try LossRegistry.register(….self)") { try Trainer.resumed(from: folder.path) }
    expectError("OperatorRegistry.register") {
      try Graph.parse("graph @g(%x: f32[2]) {\n  %y = quadrupled_sum_of_all(%x)\n  return %y\n}\n")
    }
  }
}

// MARK: What a package of a user holds

/// max(x, 0)³
private struct CubicRelu: CompositeOperator {
  static let record = OperatorRecord(
    "cubic_relu", .activation, "max(x, 0)³", operands: [OperandRecord("x", .floating)])

  func expand(_ operands: [Value], _ builder: GraphBuilder) throws -> [Value] {
    let positive = try operands[0].relu()
    return [try positive * positive * positive]
  }
}

/// Leaves the graph as it is.
private struct CountNodes: Pass {
  var weight = 1
  static let record = PassRecord(
    "count-nodes", "does nothing", options: [option("weight", \.weight, "what a node counts")])
  func run(_ graph: Graph, _ context: inout PassContext) throws -> Graph { graph }
}

/// Steps by the sign of a running mean, which starts filled.
private struct Signum: Optimizer {
  var options = OptimizerOptions(learningRate: 0.01)
  var beta = 0.9

  static let record = ComponentRecord(
    "signum", "steps by the sign of the mean gradient",
    settings: commonSettings + [setting("beta", \.beta, in: .decay, "the share of the mean that stays")])

  func update(_ w: Value, _ g: Value, rate: Value, step: Value, _ state: OptimizerState) throws -> Value {
    let old = try state.filled("mean", with: 0.25)
    let mean = try state.advance(old, to: old * beta + g * (1 - beta))
    let size = try state.slot("size", shape: [], .zeros)
    try state.advance(size, to: g.square().sum() / step)
    return try w - mean.sign() * rate
  }
}

private struct ScaledError: LossFunction {
  var scale = 1.0
  static let record = ComponentRecord(
    "scaled_error", "scale · |t − p|", settings: [setting("scale", \.scale, in: .positive, "the factor")])
  func losses(of prediction: Value, against target: Value) throws -> Value {
    try (target - prediction).abs() * scale
  }
}

private struct Impostor: LossFunction {
  static let record = ComponentRecord("impostor", aliases: ["mse"], "not what it says")
  func losses(of prediction: Value, against target: Value) throws -> Value { prediction }
}

private struct Bias: MetricFunction {
  static let record = ComponentRecord("bias", "p − t")
  func values(of prediction: Value, against target: Value, takesClassNumbers: Bool) throws -> Value {
    try prediction - target
  }
}

private struct TwoWords: MetricFunction {
  static let record = ComponentRecord("two words", "no name")
  func values(of prediction: Value, against target: Value, takesClassNumbers: Bool) throws -> Value { prediction }
}

private final class CountEpochs: Callback, Component {
  private(set) var count = 0
  static let record = ComponentRecord("count_epochs", "counts epochs")
  func epochEnds(_ epoch: Int, _ logs: [String: Double], _ trainer: Trainer) throws { count += 1 }
}
