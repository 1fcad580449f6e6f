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
    #expect(explanation.latex.contains(#"w_{1} &\leftarrow w_{1} - \eta \cdot "#))
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

  /// What is named by the explanation has none of the graph's names, and no number of another value.
  @Test func namesOfTheGraphAreItsOwn() throws {
    let text = try Self.explain(
      """
      graph @names(%E: f64, %v1: f64, %e: f64) {
        %2 = exp(%E)
        %T = multiply(%2, %e)
        %4 = multiply(%T, %v1)
        return %4
      }
      """, [Tensor(scalar: 0.0), Tensor(scalar: 5.0), Tensor(scalar: 7.0)]
    ).text
    // Euler's number stays, and is not the value e, which is 7.
    #expect(text.contains("  v3 = e^E = e^0 = 1\n"), "\(text)")
    #expect(text.contains("  T = v3 · e = 1 · 7 = 7\n"))
    #expect(text.contains("  E′ = T · v1 = 7 · 5 = 35\n"))
    #expect(text.contains("  ∂E′/∂E = ∂E′/∂v3 · v3 = 35 · 1 = 35\n"))
    let primed = try Self.explain(
      "graph @g(%v1: f64) {\n  %1 = exp(%v1)\n  %2 = exp(%1)\n  return %2\n}", [Tensor(scalar: 0.0)]
    ).text
    #expect(primed.contains("  v1′ = e^v1 = e^0 = 1\n") && primed.contains("  E = e^v1′ = "), "\(primed)")
  }

  /// A power is no transposed matrix, though its exponent is called T.
  @Test func aPowerOfTIsAPower() throws {
    let text = try Self.explain(
      "graph @g(%x: f64, %T: f64) {\n  %E = power(%x, %T)\n  return %E\n}", [Tensor(scalar: 3.0), Tensor(scalar: 2.0)]
    ).text
    #expect(text.contains("  E = x^T = 3² = 9\n"), "\(text)")
  }

  /// A product with a matrix of ones adds up; a number that is multiplied by 1 is itself.
  @Test func aMatrixOfOnesIsAFactor() throws {
    let text = try Self.explain(
      """
      graph @ones(%w: f64[2, 3], %c: f64) {
        %ones: f64[1, 2] = constant(1)
        %one: f64 = constant(1)
        %z = matmul(%ones, %w)
        %s = reduce_sum(%z)
        %E = multiply(%one, %s)
        return %E
      }
      """, [try Tensor([1.0, 2, 3, 4, 5, 6], [2, 3]), Tensor(scalar: 1.0)]
    ).text
    #expect(
      text.contains("  z = 1 · w = [[5, 7, 9]]\n") || text.contains("  z = 1 · w = [[5.0, 7.0, 9.0]]\n"), "\(text)")
    #expect(text.contains("  E = s = 21\n"))
  }

  @Test(arguments: [DType.bf16, .f16, .f32]) func narrowFloatsAreExplained(_ dtype: DType) throws {
    let text = """
      graph @narrow(%x: \(dtype)) {
        %wide: f64 = cast(%x, dtype: f64)
        %a = multiply(%wide, %wide)
        %b = exp(%wide)
        %E = add(%a, %b)
        return %E
      }
      """
    let shown = try Self.explain(text, [try Tensor(repeating: 1, dtype, [])]).text
    // 2 x + e^x at 1, rounded to the type: x is read through the cast on two paths.
    let sum = try Tensor(repeating: 2 + exp(1.0), dtype, [])
    let elements = TensorText.describe(sum).split(separator: " = ")[1]
    #expect(shown.contains("  ∂E/∂x = ") && shown.contains("= \(elements)\n"), "\(shown)")
  }

  /// Attributes are part of what is computed; those at their defaults are left out.
  @Test func attributesAreWritten() throws {
    let text = try Self.explain(
      """
      graph @attributes(%x: f64[2, 2]) {
        %s = reduce_sum(%x, axes: [1])
        %m = reduce_max(%x, axes: [0], keep_dims: true)
        %c = cast(%s, dtype: i32)
        %E = reduce_sum(%s)
        return %E, %m, %c
      }
      """, [try Tensor([1.0, 2, 3, 4], [2, 2])]
    ).text
    #expect(text.contains("  s = Σ(x, axes: [1]) = "), "\(text)")
    #expect(text.contains("  m = reduce_max(x, axes: [0], keep_dims: true) = "))
    #expect(text.contains("  c = cast(s, dtype: i32) = "))
    #expect(text.contains("  E = Σ(s) = 10\n"))
  }

  /// 2⁵³ + 1 is no double, and two numbers that are one double are two.
  @Test func integersKeepTheirDigits() throws {
    let text = try GradientExplanation(
      Graph.parse("graph @g(%x: i64[2], %y: i64[2]) {\n  %z = add(%x, %y)\n  return %z\n}", file: "g.graph")[0],
      feeds: [
        try Tensor([Int64(9_007_199_254_740_993), 9_007_199_254_740_993], [2]),
        try Tensor([Int64(9_007_199_254_740_993), 9_007_199_254_740_992], [2]),
      ], variables: [], isDifferentiated: false
    ).text
    #expect(text.contains("  x = 9007199254740993\n"), "\(text)")
    #expect(text.contains("  y = [9007199254740993, 9007199254740992]\n"))
  }

  @Test func namesAndWordsInLaTeX() throws {
    let graph = try Graph.parse(
      """
      graph @latex(%conv_1: f64, %yes: bool) {
        %w3: f64 = variable(fill(value: 1))
        %z: f64 = multiply(%conv_1, %w3)
        %big = exp(%z)
        %E: f64 = divide(%big, %w3)
        return %E
      }
      """, file: "latex.graph")[0]
    let feeds = [Tensor(scalar: 800.0), Tensor(scalar: true)]
    let latex = try GradientExplanation(graph, feeds: feeds, variables: [Tensor(scalar: 1.0)]).latex
    #expect(latex.contains(#"\mathrm{conv\_1} &= 800"#), "\(latex)")
    #expect(latex.contains(#"\mathrm{yes} &= \mathrm{true}"#))
    #expect(latex.contains(#"\mathrm{big} &= {e}^{z} = {e}^{800} = \infty"#))
    #expect(latex.contains(#"w_{3} - \eta \cdot "#) && !latex.contains("\\mathrm{conv\\_}"))
    // A graph without inputs: sections without equations are left out, which amsmath refuses.
    let bare = try Graph.parse(
      "graph @bare() {\n  %c: f64 = constant(2)\n  %y = exp(%c)\n  return %y\n}", file: "b.graph")[0]
    let short = try GradientExplanation(bare, feeds: [], variables: [], isDifferentiated: false)
    #expect(!short.latex.contains("\\begin{align*}\n\n") && !short.text.contains("Given"))
    #expect(short.latex.contains("% Forward") && short.html().contains("<h2>Forward</h2>"))
    #expect(!short.html().contains("<h2>Given</h2>"))
  }

  /// 200 nodes are explained, 201 are not.
  @Test func theLimitOfNodes() throws {
    func explain(_ count: Int) throws -> String {
      let builder = GraphBuilder("chain")
      var value = try builder.parameter("x", .f64, [])
      for _ in 1..<count { value = try value.tanh() }
      let graph = try builder.build([value])
      #expect(graph.nodes.count == count)
      return try GradientExplanation(graph, feeds: [Tensor(scalar: 0.5)], variables: []).text
    }
    #expect(try explain(GradientExplanation.nodeLimit).contains("∂E/∂x"))
    #expect(throws: ApusError.self) { try explain(GradientExplanation.nodeLimit + 1) }
  }

  @Test func whatCannotBeExplainedIsSaid() throws {
    #expect(throws: ApusError.self) {
      try Self.explain("graph @g(%x: f64[2]) { %y = exp(%x)\n return %y }", [try Tensor([1.0, 2], [2])])
    }
  }
}
