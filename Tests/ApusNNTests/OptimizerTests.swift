import Apus
import TestSupport
import Testing

/// Optimizers against Keras's formulas in NumPy, several steps of two variables.
@Suite struct OptimizerTests {
  struct Reference: Decodable {
    struct Case: Decodable {
      let optimizer: String
      let trajectory: [[String: [Double]]]
      let state: [String: [Double]]
    }
    let inputs: [[Double]]
    let initial: [String: [Double]]
    let cases: [Case]
  }

  /// A model whose loss has the gradient x for `a` and x² for `b`, on a batch of one.
  private static func model(_ dtype: DType = .f64) throws -> (graph: Graph, loss: Loss) {
    let builder = GraphBuilder("linear")
    let x = try builder.parameter("x", dtype, ["batch", 3])
    let a = try builder.variable("a", dtype, [3], .zeros)
    let b = try builder.variable("b", dtype, [3], .zeros)
    return (try builder.build([x * a + x * x * b]), Loss("sum") { try $1.sum(axes: [-1]) })
  }

  @Test func agreesWithKeras() throws {
    let reference: Reference = try resource("optimizers.json")
    #expect(reference.cases.count == 15)
    for test in reference.cases {
      let (graph, loss) = try Self.model()
      let trainer = try Trainer(graph, optimizer: OptimizerRegistry.named(test.optimizer), loss: loss)
      for (name, values) in reference.initial { try trainer.session.setValue(Tensor(values), of: name) }
      for (step, (x, expected)) in zip(reference.inputs, test.trajectory).enumerated() {
        _ = try trainer.trainOnBatch(Tensor(x, [1, 3]), Tensor(zeros: .f64, [1, 3]))
        for (name, values) in expected {
          try expectClose(trainer, name, values, "\(test.optimizer), step \(step), \(name)")
        }
      }
      for (name, values) in test.state { try expectClose(trainer, name, values, "\(test.optimizer), \(name)") }
      // The state is what the reference has, no more.
      let own = trainer.session.values.map(\.name).filter { $0.hasPrefix("optimizer/") }
      #expect(Set(own) == Set(test.state.keys).union(["optimizer/learning_rate"]), "\(test.optimizer)")
      #expect(trainer.stepCount == reference.inputs.count)
    }
  }

  private func expectClose(_ trainer: Trainer, _ name: String, _ expected: [Double], _ comment: String) throws {
    let actual = try #require(trainer.session.value(of: name), "\(comment)").elements(as: Double.self)
    #expect(actual.count == expected.count)
    for (x, y) in zip(actual, expected) {
      #expect(abs(x - y) <= 1e-12 * max(1, abs(y)), "\(comment): \(x), not \(y)")
    }
  }

  @Test func centeredVarianceIsNeverNegative() throws {
    // A constant gradient has no variance; in f32 v − a² comes out below −ε.
    let (graph, loss) = try Self.model(.f32)
    let trainer = try Trainer(graph, optimizer: .rmsprop(learningRate: 0.01, rho: 0.5, centered: true), loss: loss)
    for _ in 0..<200 {
      _ = try trainer.trainOnBatch(Tensor([Float(1234.5), 3.3, 77.7], [1, 3]), Tensor(zeros: .f32, [1, 3]))
    }
    for (name, value) in trainer.session.values {
      #expect(!value.doubles().contains { !$0.isFinite }, "\(name): \(value.doubles())")
    }
  }

  @Test func learningRateCanBeSet() throws {
    let (graph, loss) = try Self.model()
    let trainer = try Trainer(graph, optimizer: .sgd(learningRate: 0.5), loss: loss)
    let x = try Tensor([1.0, 2, 4], [1, 3])
    let target = try Tensor(zeros: .f64, [1, 3])
    _ = try trainer.trainOnBatch(x, target)
    #expect(trainer.session.value(of: "a")?.doubles() == [-0.5, -1, -2])
    try trainer.setLearningRate(0.25)
    #expect(trainer.learningRate == 0.25)
    _ = try trainer.trainOnBatch(x, target)
    #expect(trainer.session.value(of: "a")?.doubles() == [-0.75, -1.5, -3])
  }

  @Test(arguments: [
    "sgd", "sgd(learning_rate=0.1, momentum=0.9, nesterov=true)", "rmsprop", "rmsprop(rho=0.8,centered=true)",
    "adam(beta_1=0.5, epsilon=1e-3, amsgrad=true, weight_decay=0.01, clipnorm=1, clipvalue=2, global_clipnorm=3)",
  ]) func specificationNamesTheSame(_ text: String) throws {
    let optimizer = try OptimizerRegistry.named(text)
    let specification = optimizer.specification
    #expect(try OptimizerRegistry.named(specification).specification == specification)
    // What was given is in it.
    for option in text.split(separator: "(").dropFirst().joined().dropLast().split(separator: ",") {
      let sides = option.filter { $0 != " " }.split(separator: "=")
      let name = String(sides[0])
      let value = try #require(specification.firstRange(of: "\(name)="), "\(specification)")
      let found = specification[value.upperBound...].prefix { $0 != "," && $0 != ")" }
      if let number = Double(sides[1]) { #expect(Double(found) == number) } else { #expect(found == sides[1]) }
    }
  }

  @Test func defaultsAreKeras() {
    #expect(
      RMSprop().specification == "rmsprop(learning_rate=0.001, rho=0.9, momentum=0.0, epsilon=1e-07, centered=false)")
    #expect(SGD().specification == "sgd(learning_rate=0.01, momentum=0.0, nesterov=false)")
    #expect(
      Adam().specification
        == "adam(learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-07, amsgrad=false)")
  }

  @Test func namesAreChecked() {
    expectUsage("no optimizer 'rmsporp'", "did you mean 'rmsprop'?") { try OptimizerRegistry.named("rmsporp") }
    expectUsage("no option 'momentun'", "did you mean 'momentum'?") { try OptimizerRegistry.named("sgd(momentun=1)") }
    expectUsage("must be a number or a schedule, not 'fast'") { try OptimizerRegistry.named("sgd(learning_rate=fast)") }
    expectUsage("must be true or false") { try OptimizerRegistry.named("sgd(nesterov=1)") }
    expectUsage("closing parenthesis") { try OptimizerRegistry.named("sgd(momentum=1") }
    expectUsage("is not name=value") { try OptimizerRegistry.named("sgd(0.1, 0.2)") }
    expectUsage("gives 'momentum' twice") { try OptimizerRegistry.named("sgd(momentum=0.1, momentum=0.2)") }
  }
}
