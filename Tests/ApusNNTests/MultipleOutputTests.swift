import Apus
import TestSupport
import Testing

/// Two inputs and two outputs.
func twoByTwo() throws -> Model {
  let (a, b) = (Input([3], name: "a"), Input([2], name: "b"))
  let trunk = Dense(4, activation: .tanh, name: "trunk")(Concatenate()([a, b]))
  return try Model(
    name: "two", inputs: [a, b],
    outputs: [Dense(1, name: "x")(trunk), Dense(3, activation: .softmax, name: "y")(trunk)])
}

/// Several inputs and outputs, and weights of samples: Keras's logs and weights, from make_multiple_outputs.py.
@Suite struct MultipleOutputTests {
  private struct Numbers: Decodable {
    let shape: [Int]
    let data: [Double]
    var tensor: Tensor { get throws { try Tensor(data.map { Float($0) }, shape) } }
    var labels: Tensor { get throws { try Tensor(data.map { Int32($0) }, shape) } }
  }
  private struct Run: Decodable {
    let history: [String: [Double]]
    let kernel: Numbers
  }
  private struct Case: Decodable {
    let weights: [String: Numbers]
    let data: [String: Numbers]
    let runs: [String: Run]

    func tensor(_ name: String) throws -> Tensor { try #require(data[name]).tensor }
    func labels(_ name: String) throws -> Tensor { try #require(data[name]).labels }

    func prepared(_ trainer: Trainer) throws -> Trainer {
      for (name, value) in weights { try trainer.session.setValue(value.tensor, of: name) }
      return trainer
    }

    func compare(_ history: History, _ trainer: Trainer, kernel: String, _ run: String) throws {
      let expected = try #require(runs[run])
      #expect(history.names == expected.history.keys.sorted(), "\(run)")
      for (name, values) in expected.history {
        for (found, value) in zip(try #require(history[name]), values) {
          #expect(abs(found - value) < 2e-5 * max(1, abs(value)), "\(run): \(name) is \(found), not \(value)")
        }
      }
      let found = try #require(trainer.session.value(of: kernel)).doubles()
      for (x, y) in zip(found, expected.kernel.data) { #expect(abs(x - y) < 2e-5, "\(run): \(x), not \(y)") }
    }
  }

  private func load(_ name: String) throws -> Case {
    try #require(resource("multiple_outputs.json", as: [String: Case].self)[name])
  }

  private func compiled() throws -> Trainer {
    try twoByTwo().compile(
      optimizer: .sgd(learningRate: 0.25), losses: ["x": .meanSquaredError, "y": .sparseCategoricalCrossEntropy],
      lossWeights: ["x": 0.5, "y": 2], metrics: ["x": [.meanAbsoluteError], "y": [.accuracy]])
  }

  @Test func lossesOfSeveralOutputs() throws {
    let reference = try load("several")
    let (a, b) = (try reference.tensor("a"), try reference.tensor("b"))
    let (x, y) = (try reference.tensor("x"), try reference.labels("y"))
    let trainer = try reference.prepared(compiled())
    #expect(trainer.inputNames == ["a", "b"] && trainer.outputNames == ["x", "y"])
    let history = try trainer.fit(
      inputs: ["b": b, "a": a], targets: ["y": y, "x": x], batchSize: 4, epochs: 3, shuffle: false, verbose: .silent)
    try reference.compare(history, trainer, kernel: "trunk/kernel", "plain")
    // In order, the same.
    let ordered = try reference.prepared(
      twoByTwo().compile(
        optimizer: .sgd(learningRate: 0.25), losses: [.meanSquaredError, .sparseCategoricalCrossEntropy],
        lossWeights: [0.5, 2], metrics: [[.meanAbsoluteError], [.accuracy]]))
    try ordered.fit(inputs: [a, b], targets: [x, y], batchSize: 4, epochs: 3, shuffle: false, verbose: .silent)
    #expect(ordered.state == trainer.state)
    let outputs = try trainer.predict(inputs: ["a": a, "b": b])
    #expect(outputs["x"]?.dimensions == [10, 1] && outputs["y"]?.dimensions == [10, 3])
    let scores = try trainer.evaluate(inputs: [a, b], targets: [x, y])
    let (lossX, lossY) = (try #require(scores["x_loss"]), try #require(scores["y_loss"]))
    #expect(abs(try #require(scores["loss"]) - (0.5 * lossX + 2 * lossY)) < 1e-5)
  }

  @Test func weightsOfSamples() throws {
    let reference = try load("several")
    let trainer = try reference.prepared(compiled())
    let history = try trainer.fit(
      inputs: ["a": reference.tensor("a"), "b": reference.tensor("b")],
      targets: ["x": reference.tensor("x"), "y": reference.labels("y")], batchSize: 4, epochs: 3, shuffle: false,
      verbose: .silent,
      sampleWeights: ["x": reference.tensor("x_weights"), "y": reference.tensor("y_weights")])
    try reference.compare(history, trainer, kernel: "trunk/kernel", "weighted")
  }

  @Test func weightsOfClasses() throws {
    let reference = try load("classes")
    let (inputs, labels, own) = (
      try reference.tensor("inputs"), try reference.labels("labels"), try reference.tensor("own")
    )
    func run(_ name: String, _ fit: (Trainer) throws -> History) throws {
      let trainer = try reference.prepared(
        Sequential(input: [4]) { Dense(3, activation: .softmax, name: "dense") }.compile(
          optimizer: .sgd(learningRate: 0.25), loss: .sparseCategoricalCrossEntropy, metrics: [.accuracy]))
      try reference.compare(fit(trainer), trainer, kernel: "dense/kernel", name)
    }
    try run("classes") {
      try $0.fit(
        inputs, labels, batchSize: 4, epochs: 3, shuffle: false, verbose: .silent, classWeights: [0: 3, 2: 0.25])
    }
    try run("samples") {
      try $0.fit(inputs, labels, batchSize: 4, epochs: 3, shuffle: false, verbose: .silent, sampleWeights: own)
    }
    try run("validated") {
      try $0.fit(
        inputs, labels, batchSize: 4, epochs: 3, validationSplit: 0.3, shuffle: false, verbose: .silent,
        sampleWeights: own)
    }
  }

  @Test func whatDoesNotFitIsRefused() throws {
    let model = try twoByTwo()
    func compile(_ losses: ByName<Loss>, _ weights: ByName<Double> = [:]) throws -> Trainer {
      try model.compile(losses: losses, lossWeights: weights)
    }
    expectError("the model has no output 'z', for which a loss is given") {
      try compile(["z": .huber])
    }
    expectError("there is 1 loss for 2 of output: x, y") { try compile([.huber]) }
    expectError("output 'y' has no loss, so it has no targets for the loss weight 2.0") {
      try compile(["x": .huber], ["y": 2])
    }
    expectError("the model has 2 outputs: which do the metrics belong to?") {
      try model.compile(loss: .meanSquaredError, metrics: [.accuracy])
    }
    let trainer = try compiled()
    let (a, b) = (try Tensor(zeros: .f32, [4, 3]), try Tensor(zeros: .f32, [4, 2]))
    let (x, y) = (try Tensor(zeros: .f32, [4, 1]), try Tensor(zeros: .u8, [4]))
    expectError("input 'b' has no samples") { try trainer.fit(inputs: ["a": a], targets: [x, y], verbose: .silent) }
    expectError("output 'x' has no targets") {
      try trainer.fit(inputs: [a, b], targets: ["y": y], verbose: .silent)
    }
    expectError("input 'b' has 3 samples, but 'a' has 4") {
      try trainer.fit(inputs: [a, b[..<3]], targets: [x, y], verbose: .silent)
    }
    expectError("4 samples have 2 targets for 'y'") {
      try trainer.fit(inputs: [a, b], targets: [x, y[..<2]], verbose: .silent)
    }
    expectError("but one of each is given") { try trainer.fit(a, x, verbose: .silent) }
    expectError("the weight of sample 1 for 'x' is -1.0") {
      try trainer.fit(
        inputs: [a, b], targets: [x, y], verbose: .silent, sampleWeights: ["x": Tensor([1, -1, 0, 0] as [Float])])
    }
    #expect(trainer.stepCount == 0)
  }

  // MARK: Losses of several tensors

  /// An autoencoder whose code is kept small: one loss of an input and two outputs.
  @Test func aLossOfSeveralTensors() throws {
    let input = Input([3], name: "in")
    let code = Dense(2, name: "code")(input)
    let model = try Model(inputs: [input], outputs: [Dense(3, name: "copy")(code), code])
    let loss = JointLoss(
      "sparse_copy",
      terms: [
        "copy": { try $0.output("copy").meanSquaredError(target: $0.input("in")) },
        "size": { try $0.output("code").square().sum() * 0.01 },
      ])
    let trainer = try model.compile(optimizer: .adam(learningRate: 0.05), loss: loss)
    #expect(trainer.logNames == ["loss", "copy_loss", "size_loss"] && trainer.targetNames.isEmpty)
    let x = try Tensor((0..<24).map { Float($0 % 7) / 7 }, [8, 3])
    let history = try trainer.fit(inputs: [x], epochs: 40, verbose: .silent)
    let (all, copy, size) = (
      try #require(history["loss"]), try #require(history["copy_loss"]), try #require(history["size_loss"])
    )
    #expect(all[39] < 0.3 * all[0], "\(all)")
    for (sum, parts) in zip(all, zip(copy, size)) { #expect(abs(sum - parts.0 - parts.1) < 1e-5) }
    expectError("the loss asks for output 'cope', which is not there\n  help: did you mean 'copy'?") {
      try model.compile(loss: JointLoss("wrong") { try $0.output("cope").square() })
    }
  }

  @Test func targetsOfAJointLoss() throws {
    let model = try Sequential(input: [2]) { Dense(1, name: "y") }
    let loss = JointLoss("weighted", targets: ["y": [1], "weight": []]) {
      try ($0.output("y") - $0.target("y")).square().squeezed(axis: -1) * $0.target("weight")
    }
    let trainer = try model.compile(optimizer: .sgd(), loss: loss)
    let plain = try model.compile(optimizer: .sgd(), loss: .meanSquaredError)
    for (name, value) in trainer.weights { try plain.session.setValue(value, of: name) }
    let x = try Tensor([1, 2, 3, 4] as [Float], [2, 2])
    let (y, w) = (try Tensor([1, 0] as [Float], [2, 1]), Tensor([2, 0.5] as [Float]))
    let joint = try trainer.trainOnBatch(inputs: [x], targets: ["weight": w, "y": y])
    let single = try plain.trainOnBatch(x, y, sampleWeights: w)
    #expect(abs(try #require(joint["loss"]) - (try #require(single["loss"]))) < 1e-6)
    for (a, b) in zip(trainer.weights, plain.weights) {
      for (p, q) in zip(a.value.doubles(), b.value.doubles()) { #expect(abs(p - q) < 1e-6) }
    }
    expectError("the targets for 'weight' of the loss 'weighted' are [] a sample, but the data has [1]") {
      try trainer.trainOnBatch(inputs: [x], targets: ["weight": y, "y": y])
    }
  }

  @Test func jointLossesThatCannotBe() throws {
    let model = try Sequential(input: [2]) { Dense(1, name: "y") }
    let term: JointLoss.Term = { try $0.output("y").square() }
    expectError("the loss 'twice' has two terms 'y'") {
      try model.compile(loss: JointLoss("twice", terms: ["y": term, "z": term, "y": term]))
    }
    expectError("the loss 'twice' has two targets 'y'") {
      try model.compile(loss: JointLoss("twice", targets: ["y": [1], "y": [1]], term))
    }
    expectError("the loss 'none' has no terms") { try model.compile(loss: JointLoss("none", terms: [:])) }
    // A saved model has its name only.
    let folder = try TemporaryFolder()
    let trainer = try model.compile(loss: JointLoss("size", term))
    try trainer.fit(inputs: [Tensor(zeros: .f32, [4, 2])], verbose: .silent)
    try trainer.save(to: folder.path)
    expectError("is given again: make the trainer with it, then resume(from:)") {
      try Trainer.resumed(from: folder.path)
    }
    let again = try model.compile(loss: JointLoss("size", term))
    try again.resume(from: folder.path)
    #expect(again.state == trainer.state)
  }

  /// Weights of the samples that an epoch is evaluated on, by the name of their output.
  @Test func validationIsWeightedByName() throws {
    let reference = try load("several")
    let trainer = try reference.prepared(compiled())
    let inputs: ByName<Tensor> = try ["a": reference.tensor("a"), "b": reference.tensor("b")]
    let targets: ByName<Tensor> = try ["x": reference.tensor("x"), "y": reference.labels("y")]
    let weights: ByName<Tensor> = try ["x": reference.tensor("x_weights"), "y": reference.tensor("y_weights")]
    let history = try trainer.fit(
      inputs: inputs, targets: targets, batchSize: 4, validationData: (inputs, targets), verbose: .silent,
      validationWeights: weights)
    let weighted = try trainer.evaluate(inputs: inputs, targets: targets, batchSize: 4, sampleWeights: weights)
    let plain = try trainer.evaluate(inputs: inputs, targets: targets, batchSize: 4)
    #expect(history["val_loss"]?.last == weighted["loss"] && weighted["loss"] != plain["loss"])
  }

  /// A model with two outputs is saved with both losses, and goes on with them.
  @Test func severalLossesAreSaved() throws {
    let reference = try load("several")
    let folder = try TemporaryFolder()
    let trainer = try reference.prepared(compiled())
    func fit(_ trainer: Trainer) throws {
      try trainer.fit(
        inputs: ["a": reference.tensor("a"), "b": reference.tensor("b")],
        targets: ["x": reference.tensor("x"), "y": reference.labels("y")], batchSize: 4, verbose: .silent)
    }
    try fit(trainer)
    try trainer.save(to: folder.path)
    let resumed = try Trainer.resumed(from: folder.path)
    try fit(trainer)
    try fit(resumed)
    #expect(resumed.state == trainer.state && resumed.history == trainer.history)
    expectError("was trained with the losses x: mean_squared_error · 0.5") {
      try twoByTwo().compile(
        optimizer: .sgd(learningRate: 0.25), losses: ["x": .meanSquaredError, "y": .sparseCategoricalCrossEntropy],
        metrics: ["y": [.accuracy]]
      ).resume(from: folder.path)
    }
  }
}
