import Apus
import ApusGraph
import Foundation
import TestSupport
import Testing

/// Optimizers, their common options and schedules against Keras's own steps.
@Suite struct KerasOptimizerTests {
  struct Reference: Decodable {
    struct Case: Decodable {
      let optimizer: String
      let trajectory: [[String: [Double]]]
      let averages: [String: [Double]]
    }
    struct Schedule: Decodable {
      let schedule: String
      let rates: [Double]
    }
    let inputs: [[Double]]
    let initial: [String: [Double]]
    let cases: [Case]
    let steps: [Int]
    let schedules: [Schedule]
  }

  /// A model whose loss has the gradients x of the first three inputs for `a`, x² of the others for `b`, and all of them as
  /// a matrix for `m`, on a batch of one.
  private static func trainer(_ optimizer: any Optimizer, backend: (any Backend)? = nil) throws -> Trainer {
    let builder = GraphBuilder("linear")
    let x = try builder.parameter("x", .f64, ["batch", 6])
    let a = try builder.variable("a", .f64, [3], .zeros)
    let b = try builder.variable("b", .f64, [3], .zeros)
    let m = try builder.variable("m", .f64, [2, 3], .zeros)
    let (first, last) = (try x.sliced(axis: 1, from: 0, to: 3), try x.sliced(axis: 1, from: 3, to: 6))
    let model = try builder.build([
      x * m.reshaped([6]) + (first * a).padded(low: [0, 0], high: [0, 3])
        + (last * last * b).padded(low: [0, 3], high: [0, 0])
    ])
    return try Trainer(
      model, optimizer: optimizer, loss: Loss("sum") { try $1.sum(axes: [-1]) }, backend: backend)
  }

  private static func start(_ trainer: Trainer, _ reference: Reference) throws {
    for (name, values) in reference.initial {
      try trainer.session.setValue(Tensor(values, name == "m" ? [2, 3] : [3]), of: name)
    }
  }

  private static func step(_ trainer: Trainer, _ x: [Double]) throws {
    _ = try trainer.trainOnBatch(Tensor(x, [1, 6]), Tensor(zeros: .f64, [1, 6]))
  }

  @Test(arguments: [true, false]) func agreeWithKeras(_ isNative: Bool) throws {
    let reference: Reference = try resource("keras_optimizers.json")
    #expect(reference.cases.count == 33)
    let compared = try Set(reference.cases.map { try OptimizerRegistry.named($0.optimizer).name })
    // The registry can also hold those that other tests register.
    #expect(compared.count == 14)
    for test in reference.cases {
      let trainer = try Self.trainer(
        OptimizerRegistry.named(test.optimizer), backend: isNative ? nil : InterpreterBackend())
      try Self.start(trainer, reference)
      for (step, (x, expected)) in zip(reference.inputs, test.trajectory).enumerated() {
        try Self.step(trainer, x)
        for (name, values) in expected {
          expectClose(Self.point(trainer, name), values, "\(test.optimizer), step \(step), \(name)")
        }
      }
      for (name, values) in test.averages {
        expectClose(
          trainer.session.value(of: "optimizer/\(name)/average")?.doubles(), values,
          "\(test.optimizer), mean of \(name)")
      }
    }
  }

  /// A variable as Keras has it: schedule-free variables are where gradients are taken, not the means.
  private static func point(_ trainer: Trainer, _ name: String) -> [Double]? {
    let means = trainer.session.value(of: name)?.doubles()
    guard let optimizer = trainer.optimizer as? ScheduleFreeAdamW,
      let offset = trainer.session.value(of: "optimizer/\(name)/offset")?.doubles()
    else { return means }
    return means.map { zip($0, offset).map { $0 + (1 - optimizer.beta1) * $1 } }
  }

  /// What is evaluated is the mean of what makes the steps, x ← (1 − 1/t) x + z / t, and gradients are those at y.
  @Test func scheduleFreeVariablesAreMeans() throws {
    let optimizer = ScheduleFreeAdamW(options: OptimizerOptions(learningRate: 0.1), beta1: 0.8)
    let model = try Sequential(name: "line", input: [1]) { Dense(1, useBias: false, kernelInitializer: .ones) }
    let trainer = try model.compile(optimizer: optimizer, loss: .meanSquaredError)
    let (inputs, targets) = (try Tensor([1] as [Float], [1, 1]), try Tensor([3] as [Float], [1, 1]))
    var (x, z, v) = (1.0, 1.0, 0.0)
    for t in 1...6 {
      let y = 0.2 * z + 0.8 * x
      let gradient = 2 * (y - 3)
      let found = try #require(trainer.gradients(inputs, targets).first).value.doubles()[0]
      #expect(abs(found - gradient) < 1e-5, "step \(t): \(found), not \(gradient)")
      let loss = try trainer.trainOnBatch(inputs, targets)["loss"] ?? .nan
      #expect(abs(loss - (y - 3) * (y - 3)) < 1e-5, "step \(t)")
      v = 0.999 * v + 0.001 * gradient * gradient
      z -= Double(Float(0.1)) * gradient / ((v / (1 - pow(0.999, Double(t)))).squareRoot() + 1e-8)
      x += (z - x) / Double(t)
      let shown = try trainer.evaluate(inputs, targets)["loss"] ?? .nan
      #expect(abs(shown - (x - 3) * (x - 3)) < 1e-5, "step \(t): \(shown)")
      #expect(abs(try trainer.predict(inputs).doubles()[0] - x) < 1e-5)
    }
    #expect(abs(x - (0.2 * z + 0.8 * x)) > 0.01)
  }

  @Test func meansThatAreNotKeptOverwriteNothing() throws {
    expectUsage("optimizer 'sgd' has no running means", "use_ema=true") {
      try OptimizerRegistry.named("sgd(ema_overwrite_frequency=3)")
    }
  }

  /// Squares of small gradients would be 0 in 16 bits: rules compute in single precision, and weights are rounded.
  @Test(arguments: ["adam", "adafactor", "nadam", "schedule_free_adamw", "rmsprop"])
  func sixteenBitsAreEnough(_ name: String) throws {
    let builder = GraphBuilder("half")
    let x = try builder.parameter("x", .f32, ["batch", 2])
    let w = try builder.variable("w", .f16, [2], .ones)
    let trainer = try Trainer(
      builder.build([x * w.cast(to: .f32)]), optimizer: OptimizerRegistry.named("\(name)(learning_rate=0.01)"),
      loss: Loss("small") { try ($1 * 1e-4).sum(axes: [-1]) })
    for _ in 0..<3 {
      _ = try trainer.trainOnBatch(Tensor([1, 2] as [Float], [1, 2]), Tensor(zeros: .f32, [1, 2]))
    }
    let values = try #require(trainer.session.value(of: "w"))
    #expect(values.dtype == .f16)
    for value in values.doubles() { #expect(value < 1 && value > 0.9, "\(name): \(values)") }
    // Of both variables one product, not one of each.
    #expect(name != "nadam" || trainer.optimizerState.contains { $0.name == "optimizer/momentum_product" })
  }

  private func expectClose(_ actual: [Double]?, _ expected: [Double], _ comment: String) {
    #expect(actual?.count == expected.count, "\(comment)")
    for (x, y) in zip(actual ?? [], expected) {
      #expect(abs(x - y) <= 1e-9 * max(1, abs(y)), "\(comment): \(x), not \(y)")
    }
  }

  @Test func schedulesAgreeWithKeras() throws {
    let reference: Reference = try resource("keras_optimizers.json")
    let compared = try Set(reference.schedules.map { try type(of: ScheduleRegistry.named($0.schedule)).record.name })
    #expect(compared == Set(ScheduleRegistry.records.map(\.name)))
    for test in reference.schedules {
      let schedule = try ScheduleRegistry.named(test.schedule)
      for (step, rate) in zip(reference.steps, test.rates) {
        let found = try schedule.rate(afterSteps: step)
        #expect(abs(found - rate) <= 1e-12, "\(test.schedule), step \(step): \(found), not \(rate)")
      }
    }
  }

  /// At a restart the quotient of logarithms may round below a whole number: the rate is the first one, not the last.
  @Test func restartsBeginAtTheFirstRate() throws {
    for factor in [1.0, 1.5, 2, 3, 10] {
      let rate = LearningRate.cosineDecayRestarts(0.5, firstDecaySteps: 2, lengthFactor: factor)
      let schedule = try #require(rate.schedule)
      var (end, length) = (2.0, 2.0)
      for _ in 0..<8 where end == end.rounded() {
        #expect(try abs(schedule.rate(afterSteps: Int(end)) - 0.5) < 1e-6, "\(factor), step \(end)")
        length *= factor
        end += length
      }
    }
  }

  @Test func swiftAndTextAreTheSame() throws {
    let pairs: [(LearningRate, String)] = [
      (.exponentialDecay(0.1, decaySteps: 1000, decayRate: 0.9), "exponential_decay(0.1,1000,0.9)"),
      (
        .inverseTimeDecay(0.1, decaySteps: 10, decayRate: 2, staircase: true),
        "inverse_time_decay(0.1, 10, 2, staircase=true)"
      ),
      (
        .polynomialDecay(0.1, decaySteps: 10, end: 0.01, power: 2, cycle: true),
        "polynomial_decay(0.1, 10, end_learning_rate=0.01, power=2, cycle=true)"
      ),
      (
        .piecewiseConstantDecay(boundaries: [10, 20], values: [0.1, 0.2, 0]),
        "piecewise_constant_decay([10,20], [0.1,0.2,0])"
      ),
      (
        .cosineDecay(0.1, decaySteps: 10, alpha: 0.1, warmupTarget: 0.3, warmupSteps: 4),
        "cosine_decay(0.1, 10, alpha=0.1, warmup_target=0.3, warmup_steps=4)"
      ),
      (
        .cosineDecayRestarts(0.1, firstDecaySteps: 10, lengthFactor: 3, rateFactor: 0.5, alpha: 0.1),
        "cosine_decay_restarts(0.1, 10, t_mul=3, m_mul=0.5, alpha=0.1)"
      ),
      (0.25, "0.25"), (1, "1"),
    ]
    for (rate, text) in pairs {
      let optimizer = try OptimizerRegistry.named("adam(learning_rate=\(text), beta_1=0.5)")
      #expect(optimizer.options.learningRate == rate, "\(text)")
      #expect(Adam.adam(learningRate: rate, beta1: 0.5).specification == optimizer.specification)
      // What is printed is read back.
      #expect(try OptimizerRegistry.named(optimizer.specification).specification == optimizer.specification)
    }
  }

  @Test(arguments: [
    ("adam(learning_rate=exponential_decay(0.1, 1000))", "schedule 'exponential_decay' needs 'decay_rate'"),
    (
      "adam(learning_rate=exponential_decay(0.1, 0, 0.5))",
      "'decay_steps' of schedule 'exponential_decay' must be above 0"
    ),
    ("adam(learning_rate=exponental_decay(0.1, 1, 0.5))", "did you mean 'exponential_decay'?"),
    (
      "adam(learning_rate=cosine_decay(-1, 10))",
      "'initial_learning_rate' of schedule 'cosine_decay' must be at least 0"
    ),
    ("adam(learning_rate=cosine_decay_restarts(1, 10, t_mul=0.5))", "'t_mul'"),
    ("adam(learning_rate=piecewise_constant_decay([10], [0.1]))", "needs one value more than boundaries: 2, not 1"),
    ("adam(learning_rate=piecewise_constant_decay([10, 5], [1, 2, 3]))", "needs boundaries that rise"),
    ("adam(learning_rate=piecewise_constant_decay([10], [1, -2]))", "needs values that are at least 0"),
    ("adam(learning_rate=piecewise_constant_decay(10, [1, 2]))", "must be a list"),
    ("adam(learning_rate=linear)", "must be a number or a schedule, not 'linear'"),
    ("adam(ema_momentum=2)", "'ema_momentum' of optimizer 'adam' must be at least 0 and at most 1, not 2.0"),
    ("adam(gradient_accumulation_steps=0)", "'gradient_accumulation_steps'"),
    ("adam(ema_overwrite_frequency=0)", "'ema_overwrite_frequency'"), ("adagrad(epsilon=-1)", "'epsilon'"),
    ("adadelta(rho=1)", "'rho'"), ("adamax(beta_2=1)", "'beta_2'"), ("nadam(beta_1=1)", "'beta_1'"),
    ("ftrl(learning_rate_power=0.5)", "'learning_rate_power' of optimizer 'ftrl' must be at most 0, not 0.5"),
    ("ftrl(l1_regularization_strength=-1)", "'l1_regularization_strength'"), ("lion(beta_1=1)", "'beta_1'"),
    ("lamb(beta_2=-1)", "'beta_2'"), ("adafactor(clip_threshold=0)", "'clip_threshold'"),
    ("adafactor(beta_2_decay=1)", "'beta_2_decay'"), ("muon(momentum=2)", "'momentum'"),
    ("schedule_free_adamw(beta_1=0)", "'beta_1'"), ("adamw(weight_decay=-1)", "'weight_decay'"),
  ]) func whatIsWrongIsRefused(_ text: String, _ message: String) {
    expectUsage(message) { try OptimizerRegistry.named(text) }
  }

  @Test func defaultsAreKeras() throws {
    #expect(AdamW().specification.hasPrefix("adamw(learning_rate=0.001, weight_decay=0.004, beta_1=0.9"))
    #expect(Adagrad().specification == "adagrad(learning_rate=0.001, initial_accumulator_value=0.1, epsilon=1e-07)")
    #expect(Lion().specification == "lion(learning_rate=0.001, beta_1=0.9, beta_2=0.99)")
    #expect(Adadelta().specification == "adadelta(learning_rate=0.001, rho=0.95, epsilon=1e-07)")
    // A default that is taken away is said, or it would come back when the text is read.
    let plain = try OptimizerRegistry.named("adamw(weight_decay=none)")
    #expect(plain.options.weightDecay == nil && plain.specification.contains("weight_decay=none"))
    #expect(try OptimizerRegistry.named(plain.specification).options.weightDecay == nil)
    #expect(
      Adam.adam(weightDecay: 0.1, clipNorm: 1, useEMA: true).specification.contains(
        "adam(learning_rate=0.001, weight_decay=0.1, clipnorm=1.0, use_ema=true, beta_1"))
  }

  /// Half of the steps, saved, resumed and the other half are all of the steps, bit by bit.
  @Test(arguments: [
    "adam(learning_rate=cosine_decay(0.1, 12))", "nadam(gradient_accumulation_steps=5)", "adafactor", "muon",
    "schedule_free_adamw(use_ema=true)",
  ]) func resumesExactly(_ text: String) throws {
    let reference: Reference = try resource("keras_optimizers.json")
    let optimizer = try OptimizerRegistry.named(text)
    let whole = try Self.trainer(optimizer)
    let half = try Self.trainer(optimizer)
    for trainer in [whole, half] { try Self.start(trainer, reference) }
    for x in reference.inputs { try Self.step(whole, x) }
    for x in reference.inputs.prefix(6) { try Self.step(half, x) }
    let folder = try TemporaryFolder()
    try half.save(to: folder.file("half"))
    let rest = try Self.trainer(optimizer)
    try rest.resume(from: folder.file("half"))
    #expect(rest.learningRate == half.learningRate)
    for x in reference.inputs.dropFirst(6) { try Self.step(rest, x) }
    #expect(rest.state == whole.state)
  }

  @Test func scheduledRatesAreSeenAndKept() throws {
    let trainer = try Self.trainer(.sgd(learningRate: .exponentialDecay(0.5, decaySteps: 2, decayRate: 0.25)))
    #expect(trainer.learningRate == 0.5)
    for _ in 0..<4 { try Self.step(trainer, [1, 1, 1, 1, 1, 1]) }
    #expect(trainer.learningRate == 0.03125)
    // −(0.5 + 0.25 + 0.125 + 0.0625)
    #expect(trainer.session.value(of: "a")?.doubles() == [-0.9375, -0.9375, -0.9375])
    #expect(refusal { try trainer.setLearningRate(1) }.contains("follows exponential_decay(initial_learning_rate=0.5"))
    #expect(!trainer.session.values.contains { $0.name == "optimizer/learning_rate" })
  }

  /// `fit` ends with the running means as weights.
  @Test func meansReplaceWeights() throws {
    let data = try SyntheticImages(count: 8)
    let trainer = try smallModel().compile(
      optimizer: .sgd(learningRate: 0.1, useEMA: true, emaMomentum: 0.9), loss: .sparseCategoricalCrossEntropy)
    try trainer.fit(data.images, data.labels, batchSize: 4, epochs: 2, verbose: .silent)
    for (name, value) in trainer.weights {
      #expect(value == trainer.session.value(of: "optimizer/\(name)/average"), "\(name)")
    }
  }

  /// Validation is of the running means, ends of epochs as well if that is wanted, and training goes on from the weights.
  /// Numbers are those of Keras 3.15.1's `SwapEMAWeights` on the same model.
  @Test(arguments: [false, true]) func meansAreSwappedIn(_ swapsOnEpoch: Bool) throws {
    let trainer = try Sequential(name: "line", input: [2]) { Dense(1) }.compile(
      optimizer: .sgd(learningRate: 0.05, useEMA: true, emaMomentum: 0.9), loss: .meanSquaredError)
    try trainer.session.setValue(Tensor([0.5, -0.25] as [Float], [2, 1]), of: trainer.weights[0].name)
    try trainer.session.setValue(Tensor([0.125] as [Float]), of: trainer.weights[1].name)
    var atEnds: [[Double]] = []
    let history = try trainer.fit(
      Tensor([1, 2, 3, -1, 0, 1, 2, 2] as [Float], [4, 2]), Tensor([1, 2, 0, 3] as [Float], [4, 1]), batchSize: 2,
      epochs: 3,
      validationData: (Tensor([-1, 1, 1, 0] as [Float], [2, 2]), Tensor([-1, 1] as [Float], [2, 1])), shuffle: false,
      verbose: .silent,
      callbacks: [
        SwapEMAWeights(swapsOnEpoch: swapsOnEpoch),
        LambdaCallback(onEpochEnd: { _, _, trainer in atEnds.append(trainer.weights.flatMap { $0.value.doubles() }) }),
      ])
    func expect(_ found: [Double], _ expected: [Double]) {
      #expect(zip(found, expected).allSatisfy { abs($0 - $1) < 2e-6 } && found.count == expected.count, "\(found)")
    }
    expect(history["loss"] ?? [], [1.2331737279891968, 0.5177803039550781, 0.4377235174179077])
    expect(history["val_loss"] ?? [], [0.12990598380565643, 0.13608655333518982, 0.14982439577579498])
    expect(
      atEnds.flatMap(\.self),
      swapsOnEpoch
        ? [
          0.5828750133514404, -0.1484062373638153, 0.18515625596046448, 0.6142025589942932, -0.09912630170583725,
          0.2013295292854309, 0.6417502760887146, -0.043325260281562805, 0.2128000259399414,
        ]
        : [
          0.7662500143051147, 0.034687504172325134, 0.27656251192092896, 0.8091453909873962, 0.16537731885910034,
          0.2940000295639038, 0.8088249564170837, 0.23485907912254333, 0.27717918157577515,
        ])
    expect(
      trainer.weights.flatMap { $0.value.doubles() }, [0.6417502760887146, -0.043325260281562805, 0.2128000259399414])
  }

  @Test func onlyAnOptimizerWithMeansSwapsThem() throws {
    let trainer = try smallModel().compile(optimizer: .adam(), loss: .sparseCategoricalCrossEntropy)
    let data = try SyntheticImages(count: 8)
    let message = refusal {
      try trainer.fit(data.images, data.labels, verbose: .silent, callbacks: [SwapEMAWeights()])
    }
    #expect(message.contains("the optimizer keeps no running means"), "\(message)")
  }
}
