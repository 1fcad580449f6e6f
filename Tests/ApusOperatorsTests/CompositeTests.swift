import Apus
import TestSupport
import Testing

/// Activations, softmax, statistics and normalization: values, gradients and errors.
@Suite struct CompositeTests {
  @Test(arguments: try ReferenceCase.load("composite.jsonl"))
  func agreesWithNumPy(_ reference: ReferenceCase) throws {
    #expect(try reference.mismatches() == [])
  }

  // MARK: Gradients

  /// Each activation away from its kinks, both sides of them.
  static let activations: [(String, @Sendable (Value) throws -> Value)] = [
    ("relu", { try $0.relu() }), ("relu6", { try $0.relu6() }), ("leaky_relu", { try $0.leakyRelu() }),
    ("elu", { try $0.elu(alpha: 0.7) }), ("selu", { try $0.selu() }), ("gelu", { try $0.gelu() }),
    ("gelu, tanh form", { try $0.gelu(approximate: true) }), ("silu", { try $0.silu() }),
    ("softplus", { try $0.softplus() }), ("softsign", { try $0.softsign() }),
    ("hard_sigmoid", { try $0.hardSigmoid() }), ("clip", { try $0.clip(low: -1, high: 1.5) }),
    ("softmax", { try $0.softmax() }), ("log_softmax", { try $0.logSoftmax() }), ("mean", { try $0.mean() }),
    ("variance", { try $0.variance() }), ("l2_norm", { try $0.l2Norm() }),
  ]

  @Test(arguments: activations.map(\.0)) func gradientsOfActivations(_ name: String) throws {
    let function = try #require(CompositeTests.activations.first { $0.0 == name }?.1)
    try expectGradients([Tensor([-7.5, -2.3, -0.4, 0.3, 1.2, 2.6, 5.5, 8.0])]) { _, p in try function(p[0]) }
  }

  @Test func gradientsAlongAxes() throws {
    let x = try Tensor((0..<12).map { Double($0 * 7 % 12) * 0.3 - 1.1 }, [2, 3, 2])
    for axis in [0, 1, -1] {
      try expectGradients([x]) { _, p in try p[0].softmax(axis: axis) }
      try expectGradients([x]) { _, p in try p[0].logSoftmax(axis: axis) }
    }
    for axes in [[0], [1, -1], [0, 1, 2]] {
      for keep in [false, true] {
        try expectGradients([x]) { _, p in try p[0].mean(axes: axes, keepDims: keep) }
        try expectGradients([x]) { _, p in try p[0].variance(axes: axes, keepDims: keep) }
        try expectGradients([x]) { _, p in try p[0].l2Norm(axes: axes, keepDims: keep) }
      }
    }
  }

  @Test func gradientsOfNormalization() throws {
    let x = try Tensor((0..<12).map { Double($0 * 5 % 12) * 0.4 - 1.3 }, [2, 2, 3])
    for (axis, scale, offset) in [
      (-1, [0.8, 1.3, -0.5], [0.1, 0.2, 0.3]), (1, [0.8, 1.3], [0.1, 0.2]),
    ] {
      let inputs = [x, Tensor(scale), Tensor(offset)]
      try expectGradients(inputs) { _, p in try p[0].layerNorm(scale: p[1], offset: p[2], axis: axis) }
      try expectGradients(inputs) { _, p in
        try p[0].batchNormTraining(scale: p[1], offset: p[2], axis: axis).y
      }
      // All three results at once: their cotangents add up.
      try expectGradients(inputs) { _, p in
        let found = try p[0].batchNormTraining(scale: p[1], offset: p[2], axis: axis)
        return try found.y.square().sum() + found.mean.sin().sum() + found.variance.square().sum()
      }
      let variance = Tensor(scale.map { abs($0) + 0.2 })
      try expectGradients(inputs + [Tensor(offset), variance]) { _, p in
        try p[0].batchNormInference(scale: p[1], offset: p[2], mean: p[3], variance: p[4], axis: axis)
      }
    }
  }

  private func gradient(_ input: Tensor, _ body: (Value) throws -> Value) throws -> [Double] {
    let b = GraphBuilder()
    let x = try b.parameter("x", input.dtype, input.shape)
    let graph = try b.build(gradients(of: body(x).sum(), withRespectTo: [x]))
    return try Interpreter(graph).run([input], variables: []).outputs[0].doubles()
  }

  /// Where the derivative of the expansion would be ∞ · 0 or 0 / 0.
  @Test func gradientsAtExtremes() throws {
    let extremes = Tensor([-1e4, -100, 0, 100, 1e4] as [Float])
    for (name, function) in CompositeTests.activations {
      let found = try gradient(extremes, function)
      #expect(found.allSatisfy { $0.isFinite }, "\(name): \(found)")
    }
    #expect(try gradient(Tensor([-1.0, 0, 1]), { try $0.relu() }) == [0, 0, 1])
    #expect(try gradient(Tensor([0.0, 0]), { try $0.l2Norm() }) == [0, 0])
    let weights = Tensor([-Double.infinity, 0, 1])
    #expect(try gradient(weights, { try ($0.softmax() * $0.softmax()) }).allSatisfy { $0.isFinite })
  }

  @Test func symbolicBatch() throws {
    let b = GraphBuilder()
    let x = try b.parameter("x", .f64, ["batch", 3])
    let one = try b.constant(1, .f64).broadcast(to: [3])
    let found = try x.batchNormTraining(scale: one, offset: one)
    let loss = try x.mean() + x.variance(axes: [0]).sum() + found.y.softmax().mean() + found.variance.sum()
    let graph = try b.build([loss] + gradients(of: loss, withRespectTo: [x]))
    #expect(graph.violations().isEmpty)
    let bound = try graph.specialized(["batch": 2])
    let result = try Interpreter(bound).run([Tensor([1.0, 2, 3, 3, 2, 1], [2, 3])], variables: []).outputs
    #expect(abs(result[0].doubles()[0] - (2 + 2 + 1.0 / 3 + 2)) < 1e-12)
    #expect(result[1].dimensions == [2, 3])
  }

  // MARK: Errors

  @Test func attributesAndVectorsMustFit() throws {
    let b = GraphBuilder()
    let x = try b.parameter("x", .f32, [2, 3])
    let v = try b.parameter("v", .f32, [2])
    let s = try b.parameter("s", .f32, [])
    expectError("'low' must not be above 'high'") { try x.clip(low: 2, high: 1) }
    expectError("axis 2 does not exist") { try x.softmax(axis: 2) }
    expectError("a scalar has no axis -1") { try s.logSoftmax() }
    expectError("axis 0 is named twice") { try x.mean(axes: [0, -2]) }
    expectError("'scale' must be a f32[3]") { try x.layerNorm(scale: v, offset: v) }
    expectError("'offset' must be a f32[2]") { try x.batchNormTraining(scale: v, offset: s, axis: 0) }
    expectError("'depth' must be at least 1") { try x.argMax().oneHot(depth: 0) }
    expectError("must be u8, i32 or i64") { try x.oneHot(depth: 3) }
  }

  @Test func labelsOutOfRangeStopTheRun() throws {
    for (labels, culprit) in [([0, 3], "3 (number 1 of 2)"), ([-1, 0], "-1 (number 0 of 2)")] {
      let b = GraphBuilder()
      let l = try b.parameter("labels", .i64, [2])
      let graph = try b.build([l.oneHot(depth: 3)])
      expectError(culprit) { try Interpreter(graph).run([Tensor(labels.map(Int64.init))], variables: []) }
      expectError("0 … 2") { try Interpreter(graph).run([Tensor(labels.map(Int64.init))], variables: []) }
    }
  }
}
