import Apus
import TestSupport
import Testing

/// Steps of one's own.
@Suite struct CustomTrainingTests {
  /// Points on a circle are imitated from noise; listed in Docs/FromKeras.md.
  @Test func adversarialTraining() throws {
    // adversarial training
    let generator = try Sequential(name: "generator", input: [2]) {
      Dense(16, activation: .relu)
      Dense(2)
    }
    let critic = try Sequential(name: "critic", input: [2]) {
      Dense(16, activation: .relu)
      Dense(1)
    }
    let right = Loss.binaryCrossEntropy(fromLogits: true)
    let training = CustomTraining(seed: 1)
    let teachCritic = try training.step("teach_critic", training: critic, with: .adam(learningRate: 0.01)) { step in
      let fake = try step.apply(generator, step.input("noise", [2]))
      let onReal = try step.apply(critic, step.input("real", [2]))
      return try step.loss(right, of: onReal, against: 1) + step.loss(right, of: step.apply(critic, fake), against: 0)
    }
    let teachGenerator = try training.step("teach_generator", training: generator, with: .adam(learningRate: 0.005)) {
      step in
      let fake = try step.apply(generator, step.input("noise", [2]))
      try step.log("size", fake.square().sum(axes: [1]))
      return try step.loss(right, of: step.apply(critic, fake), against: 1)
    }
    for round in 0..<200 {
      let (real, noise) = (try circle(32, seed: round), try self.noise(32, seed: round))
      try teachCritic.run(["real": real, "noise": noise])
      try teachGenerator.run(["noise": noise])
    }
    let points = try training.predict(generator, noise(100, seed: 1000))
    // end
    // The squares of radii: 1 on the circle, far less from an untrained generator.
    let squares = points.doubles().map { $0 * $0 }
    let mean = squares.reduce(0, +) / 100
    #expect(abs(mean - 1) < 0.5, "\(mean)")
    let untrained = CustomTraining(seed: 1)
    let before = try untrained.predict(generator, noise(100, seed: 1000)).doubles().map { $0 * $0 }.reduce(0, +) / 100
    #expect(abs(before - 1) > abs(mean - 1), "\(before) became \(mean)")
  }

  private func circle(_ count: Int, seed: Int) throws -> Tensor {
    let angles = try noise(count, seed: seed + 5000).doubles()
    return try Tensor(
      (0..<count).flatMap { i -> [Float] in
        let (x, y) = (angles[2 * i], angles[2 * i + 1])
        let radius = max((x * x + y * y).squareRoot(), 1e-6)
        return [Float(x / radius), Float(y / radius)]
      }, [count, 2])
  }

  private func noise(_ count: Int, seed: Int) throws -> Tensor {
    var generator = PhiloxGenerator(seed: UInt64(seed))
    return try Tensor((0..<2 * count).map { _ in Float(generator.next() >> 40) * 0x1p-23 - 1 }, [count, 2])
  }

  private func line(_ name: String) throws -> Sequential {
    try Sequential(name: name, input: [2]) { Dense(1, name: "dense") }
  }

  @Test func onlyOneModelIsTrained() throws {
    let (one, two) = (try line("one"), try line("two"))
    let training = CustomTraining(seed: 3)
    let step = try training.step("step", training: one, with: .sgd(learningRate: 0.5)) { step in
      let x = try step.input("x", [2])
      return try (step.apply(one, x) - step.apply(two, x)).square()
    }
    let before = (training.weights(of: one).map(\.value), training.weights(of: two).map(\.value))
    #expect(before.0.count == 2 && before.1.count == 2 && before.0 != before.1)
    let x = try Tensor([1, 2] as [Float], [1, 2])
    let difference = try training.predict(one, x).doubles()[0] - training.predict(two, x).doubles()[0]
    let logs = try step.run(["x": x])
    #expect(abs(try #require(logs["loss"]) - difference * difference) < 1e-5)
    #expect(training.weights(of: two).map(\.value) == before.1)
    // w ← w − ½ · 2 · difference · x
    let new = try #require(training.weights(of: one).first).value.doubles()
    let old = before.0[0].doubles()
    #expect(abs(new[0] - (old[0] - difference)) < 1e-5 && abs(new[1] - (old[1] - 2 * difference)) < 1e-5)
  }

  @Test func mistakesAreNamed() throws {
    let (one, two) = (try line("one"), try line("two"))
    let training = CustomTraining()
    expectError("the step is to train model 'two', but does not apply it") {
      try training.step("a", training: two, with: .sgd()) { try $0.apply(one, $0.input("x", [2])) }
    }
    expectError("model 'one' is applied to %x: f32[batch, 3], but takes %input: f32[batch, 2]") {
      try training.step("b", training: one, with: .sgd()) { try $0.apply(one, $0.input("x", [3])) }
    }
    expectError("there is no gradient by") {
      try training.step("c", training: one, with: .sgd()) { step in
        let x = try step.input("x", [2])
        _ = try step.apply(one, x)
        return try step.apply(two, x)
      }
    }
    let step = try training.step("d", training: one, with: .sgd()) { try $0.apply(one, $0.input("x", [2])) }
    expectError("has no input 'y'") { try step.run(["y": Tensor(zeros: .f32, [1, 2])]) }
    expectError("'d' cannot name a step, or names one already") {
      try training.step("d", training: one, with: .sgd()) { try $0.apply(one, $0.input("x", [2])) }
    }
  }
}
