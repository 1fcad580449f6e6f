import Apus
import ArgumentParser
import Foundation

/// One neuron that separates two kinds of points, trained by hand and by the library; then ten of them, for ten classes.
struct LogisticRegression: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "logistic", abstract: "Logistic regression: one neuron by hand, then ten that read images.")
  @OptionGroup var options: LessonOptions

  func run() throws {
    // A hundred points of each kind: around (−1, −1), and around (1, 1).
    var generator = PhiloxGenerator(seed: 1)
    let kinds = (0..<200).map { Double($0 % 2) }
    let points = kinds.map { kind in
      (0..<2).map { _ in (kind == 1 ? 1 : -1) + Double.random(in: -1.2...1.2, using: &generator) }
    }

    // By hand. The neuron says p = σ(w₁x₁ + w₂x₂ + b). The derivative of the cross-entropy by the sum is p − target, so
    // each step moves w by the mean of (p − target) · x.
    var (w, b) = ([0.0, 0.0], 0.0)
    for _ in 0..<100 {
      let errors = zip(points, kinds).map { 1 / (1 + exp(-(w[0] * $0[0] + w[1] * $0[1] + b))) - $1 }
      for i in 0..<2 { w[i] -= 0.5 * zip(errors, points).reduce(0) { $0 + $1.0 * $1.1[i] } / 200 }
      b -= 0.5 * errors.reduce(0, +) / 200
    }
    print("by hand: w = \(decimal(w[0])), \(decimal(w[1])), b = \(decimal(b))")

    // The same by the library: a dense layer of one neuron, and as many steps on all points at once.
    let neuron = try Sequential(name: "neuron", input: [2]) {
      Dense(1, activation: .sigmoid, kernelInitializer: .zeros)
    }
    let trainer = try neuron.compile(
      optimizer: .sgd(learningRate: 0.5), loss: .binaryCrossEntropy, metrics: [.accuracy])
    let inputs = try Tensor(points.flatMap { $0.map(Float.init) }, [200, 2])
    let targets = try Tensor(kinds.map(Float.init), [200, 1])
    try trainer.fit(inputs, targets, batchSize: 200, epochs: 100, verbose: .silent)
    let weights = trainer.weights.flatMap { $0.value.doubles() }
    print("library: w = \(decimal(weights[0])), \(decimal(weights[1])), b = \(decimal(weights[2]))")
    let accuracy = try trainer.evaluate(inputs, targets)["accuracy"] ?? 0
    print("accuracy on the points: \(decimal(accuracy, digits: 3))")
    try options.picture("course-logistic-regions.svg") { path in
      try trainer.decisionRegions(points: inputs, labels: targets).write(to: path)
    }

    // Ten neurons, one a class, read all 784 pixels of an image. Softmax makes probabilities of their sums.
    let model = try Sequential(name: "logistic", input: [28, 28], dtype: .u8) {
      Rescaling(scale: 1 / 255)
      Flatten()
      Dense(10, activation: .softmax)
    }
    print("\(model.parameterCount) weights and biases")
    let result = try options.train(model, on: options.images(), epochs: 5, verbose: .silent)
    print("test accuracy: \(decimal(result.accuracy, digits: 3))")
  }
}
