import Apus
import Foundation
import Testing

/// What the driver promises, apart from the rules of single operators.
@Suite struct GradientTests {
  /// Runs a graph on the reference interpreter.
  private func run(_ builder: GraphBuilder, _ outputs: [Value], _ feeds: [Tensor]) throws -> [[Double]] {
    try Interpreter(builder.build(outputs)).run(feeds, variables: []).outputs.map { $0.doubles() }
  }

  private func message(_ body: () throws -> Void) -> String {
    do { try body() } catch let error as ApusError { return error.description } catch { return "another error" }
    return "no error"
  }

  /// The course's chain rule by hand: two sigmoid neurons in a row, E = (y − t)² / 2.
  @Test func chainRuleByHand() throws {
    let b = GraphBuilder()
    let x = try b.parameter("x", .f64, [])
    let w1 = try b.parameter("w1", .f64, [])
    let w2 = try b.parameter("w2", .f64, [])
    let target = try b.parameter("t", .f64, [])
    let a1 = try (w1 * x).sigmoid()
    let y = try (w2 * a1).sigmoid()
    let loss = try (y - target).square() * 0.5
    let found = try gradients(of: loss, withRespectTo: [w1, w2])
    let numbers = [0.7, -0.4, 1.3, 1.0]
    let result = try run(b, found, numbers.map { Tensor(scalar: $0) })

    func sigmoid(_ z: Double) -> Double { 1 / (1 + exp(-z)) }
    let (xn, w1n, w2n, tn) = (numbers[0], numbers[1], numbers[2], numbers[3])
    let a1n = sigmoid(w1n * xn)
    let yn = sigmoid(w2n * a1n)
    let delta = (yn - tn) * yn * (1 - yn)
    #expect(abs(result[1][0] - delta * a1n) < 1e-15)
    #expect(abs(result[0][0] - delta * w2n * a1n * (1 - a1n) * xn) < 1e-15)
  }

  @Test func cotangentsOfSeveralReadersAddUp() throws {
    let b = GraphBuilder()
    let x = try b.parameter("x", .f64, [2])
    // d/dx (x² + 3x + eˣ·x) = 2x + 3 + eˣ (x + 1)
    let loss = try (x * x + x * 3 + x.exp() * x).sum()
    let result = try run(b, gradients(of: loss, withRespectTo: [x]), [Tensor([0.5, -2.0])])
    for (value, found) in zip([0.5, -2.0], result[0]) {
      #expect(abs(found - (2 * value + 3 + exp(value) * (value + 1))) < 1e-14)
    }
  }

  @Test func gradientOfAGradient() throws {
    let b = GraphBuilder()
    let x = try b.parameter("x", .f64, [])
    let cube = try x * x * x
    let first = try gradients(of: cube, withRespectTo: [x])[0]
    let second = try gradients(of: first, withRespectTo: [x])[0]
    let third = try gradients(of: second, withRespectTo: [x])[0]
    #expect(try run(b, [first, second, third], [Tensor(scalar: 2.0)]) == [[12], [12], [6]])
  }

  @Test func intermediateValuesAndTheLossItself() throws {
    let b = GraphBuilder()
    let x = try b.parameter("x", .f64, [])
    let y = try x.exp()
    let loss = try y * y
    let found = try gradients(of: loss, withRespectTo: [y, loss, x])
    #expect(try run(b, found, [Tensor(scalar: 0.0)]) == [[2], [1], [2]])
  }

  @Test func vectorJacobianProduct() throws {
    let b = GraphBuilder()
    let x = try b.parameter("x", .f64, [2])
    let seed = try b.parameter("seed", .f64, [2])
    let found = try gradients(of: [x * x, x], seeds: [seed, seed], withRespectTo: [x])
    #expect(try run(b, found, [Tensor([3.0, 4.0]), Tensor([1.0, 10.0])]) == [[7, 90]])
  }

  @Test func compositesAreDifferentiatedThroughTheirExpansion() throws {
    let b = GraphBuilder()
    let x = try b.parameter("x", .f64, [2, 3])
    let y = try b.parameter("y", .f64, [3, 2])
    let product = try x.dotGeneral(y, contractingA: [1], contractingB: [0])
    let found = try gradients(of: product.sum(), withRespectTo: [x, y])
    let feeds = [try Tensor([1.0, 2, 3, 4, 5, 6], [2, 3]), try Tensor([1.0, 2, 3, 4, 5, 6], [3, 2])]
    #expect(try run(b, found, feeds) == [[3, 7, 11, 3, 7, 11], [5, 5, 7, 7, 9, 9]])
  }

  /// The 16-bit floats only store, but a cotangent passes through them, and two of them add up.
  @Test func storageTypes() throws {
    for dtype in [DType.f16, .bf16] {
      let b = GraphBuilder()
      let x = try b.parameter("x", dtype, [2])
      let loss = try (x.cast(to: .f32) * x.cast(to: .f32)).sum() + x.cast(to: .f64).sum().cast(to: .f32)
      let found = try gradients(of: loss, withRespectTo: [x])
      #expect(found[0].type == x.type)
      let input = try Tensor(repeating: 1.5, dtype, [2])
      #expect(try run(b, found, [input]) == [[4, 4]])
    }
  }

  // MARK: What has no gradient

  @Test func unusedValues() throws {
    let b = GraphBuilder()
    let x = try b.parameter("x", .f64, [])
    let z = try b.parameter("z", .f64, ["batch"])
    let loss = try x * x
    let text = message { _ = try gradients(of: loss, withRespectTo: [x, z]) }
    #expect(text.contains("%z: f64[batch]") && text.contains("does not depend on it"))
    let zeros = try gradients(of: loss, withRespectTo: [x, z], unused: .zeros)[1]
    #expect(zeros.type == z.type)
    #expect(try optionalGradients(of: loss, withRespectTo: [x, z]).map { $0 != nil } == [true, false])
  }

  @Test func blockedPathNamesTheOperator() throws {
    let b = GraphBuilder()
    let x = try b.parameter("x", .f64, [4])
    b.origin = Origin(name: "pick")
    let position = try x.argMax()
    b.origin = Origin()
    let loss = try position.cast(to: .f64) * 2
    for unused in [UnusedGradient.error, .zeros] {
      let text = message { _ = try gradients(of: loss, withRespectTo: [x], unused: unused) }
      #expect(text.contains("%1: i64 = arg_max(%x) (in 'pick')"), "\(text)")
      #expect(text.contains("its result is a position"), "\(text)")
    }
    #expect(try optionalGradients(of: loss, withRespectTo: [x]) == [nil])
  }

  @Test func everyOperatorThatYieldsOtherTypesBlocks() throws {
    let cuts: [(String, (Value) throws -> Value)] = [
      ("greater", { try $0.greater(0) }), ("is_nan", { try $0.isNaN() }), ("arg_min", { try $0.argMin() }),
      ("cast", { try $0.cast(to: .i32) }), ("size", { try $0.size(axis: 0) }),
    ]
    for (name, cut) in cuts {
      let b = GraphBuilder()
      let x = try b.parameter("x", .f32, [4])
      let loss = try cut(x).cast(to: .f32).sum()
      let text = message { _ = try gradients(of: loss, withRespectTo: [x], unused: .zeros) }
      #expect(text.contains("there is no gradient through") && text.contains(" = \(name)("), "\(text)")
    }
  }

  @Test func aMaskBesideAPathIsNoObstacle() throws {
    let b = GraphBuilder()
    let x = try b.parameter("x", .f64, [2])
    let loss = try x.greater(0).select(x, x * 0.1).sum()
    #expect(try run(b, gradients(of: loss, withRespectTo: [x]), [Tensor([2.0, -2.0])]) == [[1, 0.1]])
  }

  /// A condition or an index only chooses: the derivative is zero, and a zero is a fair answer where one is asked for.
  @Test func choicesHaveZeroDerivatives() throws {
    let b = GraphBuilder()
    let x = try b.parameter("x", .f64, [2])
    let y = try b.parameter("y", .f64, [2])
    for loss in [try x.greater(0).select(y, y * 2).sum(), try y.gather(x.cast(to: .i64)).sum()] {
      let text = message { _ = try gradients(of: loss, withRespectTo: [x]) }
      #expect(text.contains("zero by definition"), "\(text)")
      let zeros = try gradients(of: loss, withRespectTo: [x], unused: .zeros)
      #expect(try run(b, zeros, [Tensor([1.0, 0]), Tensor([3.0, 4])]) == [[0, 0]])
    }
  }

  @Test func stoppedGradientIsZeroWhereAskedFor() throws {
    let b = GraphBuilder()
    let x = try b.parameter("x", .f64, [])
    let loss = try x.stopGradient() * 3
    let text = message { _ = try gradients(of: loss, withRespectTo: [x]) }
    #expect(text.contains("zero by definition") && text.contains("stop_gradient(%x)"), "\(text)")
    #expect(try run(b, gradients(of: loss, withRespectTo: [x], unused: .zeros), [Tensor(scalar: 1.0)]) == [[0]])
  }

  @Test func wrongLossesAndValues() throws {
    let b = GraphBuilder()
    let x = try b.parameter("x", .f32, [2])
    let n = try b.parameter("n", .i64, [])
    #expect(message { _ = try gradients(of: x, withRespectTo: [x]) }.contains("%x: f32[2]"))
    #expect(message { _ = try gradients(of: n, withRespectTo: [x]) }.contains("%n: i64"))
    #expect(message { _ = try gradients(of: x.sum(), withRespectTo: [n]) }.contains("of type i64"))
    #expect(message { _ = try gradients(of: [x], seeds: [], withRespectTo: [x]) }.contains("as many seeds"))
    #expect(message { _ = try gradients(of: [x], seeds: [x.sum()], withRespectTo: [x]) }.contains("seed of %x"))
    let other = try GraphBuilder().parameter("y", .f32, [])
    #expect(message { _ = try gradients(of: other, withRespectTo: [x]) }.contains("belongs to another graph"))
    #expect(try gradients(of: x.sum(), withRespectTo: []).isEmpty)
  }

  // MARK: Scale and determinism

  @Test func longChainsAreLinear() throws {
    func seconds(_ length: Int) throws -> Double {
      let b = GraphBuilder()
      var x = try b.parameter("x", .f64, [])
      let start = x
      for i in 0..<length { x = try i % 2 == 0 ? x.sin() : x * 0.5 }
      let loss = x
      return try ContinuousClock().measure {
        let found = try gradients(of: loss, withRespectTo: [start])[0]
        #expect(found.type == start.type)
      } / .seconds(1)
    }
    let small = try seconds(5_000)
    let large = try seconds(100_000)
    #expect(large < 60 * max(small, 0.01), "\(small) s for 5,000 nodes, \(large) s for 100,000")
  }

  @Test func sameTextEachTime() throws {
    func text() throws -> String {
      let b = GraphBuilder()
      let x = try b.parameter("x", .f32, ["batch", 3])
      let w = try b.variable("w", .f32, [3, 3])
      var y = x
      for _ in 0..<4 { y = try y.matmul(w).tanh() + x }
      return try b.build(gradients(of: y.sum(), withRespectTo: [w, x])).description
    }
    #expect(try text() == text())
  }

  @Test func gradientNodesBelongToTheLayer() throws {
    let b = GraphBuilder()
    let x = try b.parameter("x", .f32, [])
    b.origin = Origin(name: "dense")
    let y = try x.tanh()
    b.origin = Origin()
    let found = try gradients(of: y * y, withRespectTo: [x])[0]
    #expect(b.graph.producer(of: found.id).origin.name == "dense")
  }

  @Test func finishedGraphs() throws {
    let graph = try Graph.parse(
      """
      graph @line(%x: f32[batch, 2]) {
        %w: f32[2, 1] = variable(ones)
        %2: f32[batch, 1] = matmul(%x, %w)
        return %2
      }

      """)[0]
    let found = try graph.differentiated()
    #expect(found.violations().isEmpty)
    #expect(found.outputTypes == [TensorType(.f32, ["batch", 1]), TensorType(.f32, [2, 1])])
    #expect(found.name(of: found.outputs[1]) == "gradient/w")
    #expect(found.parameters.map { found.name(of: $0) } == ["x", "seed"])
    #expect(try Graph.parse(found.description) == [found])
    #expect(message { _ = try graph.differentiated(withRespectTo: ["v"]) }.contains("no variable or parameter 'v'"))
  }
}
