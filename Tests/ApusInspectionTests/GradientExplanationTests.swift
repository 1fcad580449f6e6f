import Apus
import Foundation
import TestSupport
import Testing

/// The chain rule on paper: `GradientExplanation` against formulas by hand.
@Suite struct GradientExplanationTests {
  private static func twoNeurons(digits: Int? = nil) throws -> GradientExplanation {
    let graph = try GraphFile.load(Repository.file("Docs/Examples/two_neurons.graph").path)[0]
    return try GradientExplanation(
      graph, feeds: [Tensor(scalar: 1.5), Tensor(scalar: 1.0)], variables: [Tensor(scalar: 0.5), Tensor(scalar: -1.0)],
      learningRate: 0.1, digits: digits)
  }

  private static func explain(_ text: String, _ feeds: [Tensor]) throws -> GradientExplanation {
    try GradientExplanation(Graph.parse(text, file: "test.graph")[0], feeds: feeds, variables: [])
  }

  /// dE/dw2 = (y − t) · y (1 − y) · a1 and dE/dw1 = (y − t) · y (1 − y) · w2 · a1 (1 − a1) · x.
  @Test func theTextbooksNetworkDigitForDigit() throws {
    func σ(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
    let (x, t, w1, w2) = (1.5, 1.0, 0.5, -1.0)
    let a1 = σ(w1 * x)
    let y = σ(w2 * a1)
    let dw2 = (y - t) * y * (1 - y) * a1
    let dw1 = (y - t) * y * (1 - y) * w2 * a1 * (1 - a1) * x
    let text = try Self.twoNeurons(digits: 12).text
    func number(_ x: Double) -> String { String(format: "%.12g", x).replacing("-", with: "−") }
    #expect(text.contains("  a1 = σ(z1) = σ(0.75) = \(number(a1))\n"), "\(text)")
    #expect(text.contains("  ∂a1/∂z1 = a1 · (1 − a1) = "))
    #expect(text.contains("  ∂s/∂d = 2 · d = "))
    #expect(text.contains(" = \(number(dw2))\n") && text.contains(" = \(number(dw1))\n"))
    #expect(text.contains("∂E/∂s · ∂s/∂d · ∂d/∂y · ∂y/∂z2 · ∂z2/∂a1 · ∂a1/∂z1 · ∂z1/∂w1"))
    #expect(text.contains("∂E/∂s · ∂s/∂d · ∂d/∂y · ∂y/∂z2 · ∂z2/∂w2"))
    #expect(text.contains(" = \(number(w1 - 0.1 * dw1))\n") && text.contains(" = \(number(w2 - 0.1 * dw2))\n"))
  }

  @Test func theSameInLaTeXAndMathML() throws {
    let explanation = try Self.twoNeurons(digits: 6)
    #expect(
      explanation.latex.contains(#"\frac{\partial y}{\partial z_{2}} &= y \cdot \left(1 - y\right)"#),
      "\(explanation.latex)")
    #expect(explanation.latex.contains(#"w_{1} &\leftarrow w_{1} - η"#))
    let page = explanation.html()
    #expect(page.contains("<msub><mi>w</mi><mn>1</mn></msub>"))
    #expect(
      page.contains(
        "<mfrac><mrow><mi>∂</mi><mi>E</mi></mrow><mrow><mi>∂</mi><msub><mi>w</mi><mn>1</mn></msub></mrow></mfrac>"))
    let opened = page.matches(of: #/<(mrow|mfrac|msub|msup|math|mi|mn|mo)[ >]/#).count
    let closed = page.matches(of: #/<\/(mrow|mfrac|msub|msup|math|mi|mn|mo)>/#).count
    #expect(opened == closed)
    #expect(explanation.dot.contains("∂z1/∂w1 = 1.5"))
  }

  /// A value that is read twice: its derivative is the sum over both paths.
  @Test func pathsAreAdded() throws {
    let text = try Self.explain(
      """
      graph @paths(%x: f64) {
        %a = exp(%x)
        %b = sin(%x)
        %E = multiply(%a, %b)
        return %E
      }
      """, [Tensor(scalar: 0.5)]
    ).text
    #expect(text.contains("∂E/∂x = ∂E/∂a · ∂a/∂x + ∂E/∂b · ∂b/∂x"), "\(text)")
    let expected = exp(0.5) * (sin(0.5) + cos(0.5))
    let last = text.split(whereSeparator: \.isWhitespace).last
    let value = try #require(last.flatMap { Double($0) }, "\(text)")
    #expect(abs(value - expected) < 1e-14)
  }

  /// Of tensors the rules are shown with their results, which are those of `differentiated()`.
  @Test func tensorsHaveRulesAndNumbers() throws {
    let text = """
      graph @layer(%x: f64[1, 2], %w: f64[2, 3]) {
        %z = matmul(%x, %w)
        %a = sigmoid(%z)
        %E = reduce_sum(%a)
        return %E
      }
      """
    let x = try Tensor([1.0, 2], [1, 2])
    let w = try Tensor([1.0, 2, 3, 4, 5, 6].map { $0 / 10 }, [2, 3])
    let shown = try Self.explain(text, [x, w]).text
    #expect(shown.contains("  ∂E/∂w = xᵀ · ∂E/∂z"), "\(shown)")
    #expect(shown.contains("  ∂E/∂x = ∂E/∂z · wᵀ"))
    #expect(!shown.contains("Local derivatives"))
    let graph = try Graph.parse(text, file: "test.graph")[0].differentiated()
    let gradients = try Session(backend: InterpreterBackend()).load(graph).run([x, w]).dropFirst().map { $0 }
    for (name, gradient) in zip(["x", "w"], gradients) {
      let elements = TensorText.describe(gradient).split(separator: " = ")[1]
      #expect(shown.contains("∂E/∂\(name) = ") && shown.contains("= \(elements)\n"), "\(name): \(elements)\n\(shown)")
    }
  }

  @Test func whatCannotBeExplainedIsSaid() throws {
    #expect(throws: ApusError.self) {
      try Self.explain("graph @g(%x: f64[2]) { %y = exp(%x)\n return %y }", [try Tensor([1.0, 2], [2])])
    }
    let builder = GraphBuilder("long")
    var value = try builder.parameter("x", .f64, [])
    for _ in 0..<300 { value = try value.tanh() }
    let long = try builder.build([value])
    #expect(throws: ApusError.self) { try GradientExplanation(long, feeds: [Tensor(scalar: 0.5)], variables: []) }
  }
}
