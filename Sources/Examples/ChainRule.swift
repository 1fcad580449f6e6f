import Apus
import ArgumentParser
import Foundation

/// A matrix product, the sigmoid and the chain rule: by hand first, then by a graph.
struct ChainRule: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "A matrix product, the sigmoid, and the chain rule by hand.")
  @OptionGroup var options: LessonOptions

  func run() throws {
    // A layer's neurons are a row times a matrix: the result's column j is the sum of row[i] · matrix[i][j] over i.
    let row = [1.0, 2.0]
    let matrix = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    let product = (0..<3).map { j in row[0] * matrix[0][j] + row[1] * matrix[1][j] }
    print("by hand: row · matrix = \(product)")

    let products = try compute { builder in
      let a = try builder.constant(Tensor(row, [1, 2]))
      let b = try builder.constant(Tensor(matrix.flatMap { $0 }, [2, 3]))
      return [try a.matmul(b)]
    }
    print("graph:   row · matrix = \(products[0].doubles())")

    // The sigmoid brings any number between 0 and 1: σ(x) = 1 / (1 + e⁻ˣ).
    func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
    for x in [-10.0, 0, 10] { print("sigmoid(\(x)) = \(sigmoid(x))") }

    // Two neurons, one after the other: x → z₁ = w₁x → a₁ = σ(z₁) → z₂ = w₂a₁ → y = σ(z₂), and the error
    // E = (y − t)² / 2 for the target t.
    let (x, t, w1, w2) = (0.5, 1.0, 0.8, -0.4)
    let a1 = sigmoid(w1 * x)
    let y = sigmoid(w2 * a1)
    let error = (y - t) * (y - t) / 2

    // The chain rule multiplies the derivatives along the way from the error back to a weight. σ′ = σ (1 − σ).
    let dZ2 = (y - t) * y * (1 - y)
    let dW2 = dZ2 * a1
    let dW1 = dZ2 * w2 * a1 * (1 - a1) * x
    print(
      "by hand: E = \(decimal(error, digits: 8)), dE/dw1 = \(decimal(dW1, digits: 8)), dE/dw2 = \(decimal(dW2, digits: 8))"
    )

    // The same network as a graph, which is differentiated by rule.
    let builder = GraphBuilder("neurons")
    let inputs = try ["x", "t", "w1", "w2"].map { try builder.parameter($0, .f64, []) }
    let output = try (inputs[3] * (inputs[2] * inputs[0]).sigmoid()).sigmoid()
    let loss = try (output - inputs[1]).square() * 0.5
    let derivatives = try gradients(of: loss, withRespectTo: [inputs[2], inputs[3]])
    let results = try Session().run(
      builder.build([loss] + derivatives),
      feeds: ["x": Tensor(scalar: x), "t": Tensor(scalar: t), "w1": Tensor(scalar: w1), "w2": Tensor(scalar: w2)])
    let numbers = results.map { decimal($0.doubles()[0], digits: 8) }
    print("graph:   E = \(numbers[0]), dE/dw1 = \(numbers[1]), dE/dw2 = \(numbers[2])")

    // One step of gradient descent: against the gradient, the error becomes smaller.
    let rate = 1.0
    let better = sigmoid((w2 - rate * dW2) * sigmoid((w1 - rate * dW1) * x))
    print("after one step: E = \(decimal((better - t) * (better - t) / 2, digits: 8))")

    try options.picture("course-sigmoid.svg") { try ActivationFunction.plot([.sigmoid], over: -10...10).write(to: $0) }
  }
}
