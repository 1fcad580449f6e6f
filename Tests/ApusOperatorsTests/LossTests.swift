import Apus
import TestSupport
import Testing

/// The losses: values per sample, gradients, and what happens at the edges.
@Suite struct LossTests {
  @Test(arguments: try ReferenceCase.load("loss.jsonl"))
  func agreesWithKeras(_ reference: ReferenceCase) throws {
    #expect(try reference.mismatches() == [])
  }

  /// The course: −ln 0.7, −ln 0.6, −ln 0.8. (Its slide prints 1.61 for the second, which is −ln 0.2.)
  @Test func goldenNumbersOfTheCourse() throws {
    let b = GraphBuilder()
    let p = try b.parameter("p", .f64, [3, 3])
    let l = try b.parameter("labels", .u8, [3])
    let graph = try b.build([p.sparseCategoricalCrossEntropy(labels: l)])
    let predictions = try Tensor([0.7, 0.2, 0.1, 0.2, 0.6, 0.2, 0.1, 0.1, 0.8], [3, 3])
    let found = try Interpreter(graph).run([predictions, Tensor([0, 1, 2] as [UInt8])], variables: []).outputs[0]
    for (value, expected) in zip(found.doubles(), [0.3567, 0.5108, 0.2231]) { #expect(abs(value - expected) < 5e-5) }
  }

  // MARK: Gradients

  private let scores = Tensor([0.4, -1.2, 0.8, 2.1, -0.3, 0.6])
  private let probabilities = Tensor([0.2, 0.3, 0.5, 0.25, 0.6, 0.4])
  private let targets = Tensor([0.1, 0.7, 0.2, 0.9, 0.05, 0.05])

  private func rows(_ t: Tensor) throws -> Tensor { try t.reshaped([2, 3]) }

  @Test func gradientsOfRegression() throws {
    let inputs = [try rows(scores), try rows(targets)]
    try expectGradients(inputs) { _, p in try p[0].meanSquaredError(target: p[1]) }
    try expectGradients(inputs) { _, p in try p[0].meanAbsoluteError(target: p[1]) }
    try expectGradients(inputs) { _, p in try p[0].huber(target: p[1], delta: 0.7) }
  }

  @Test func gradientsOfCrossEntropies() throws {
    for smoothing in [0, 0.1] {
      for fromLogits in [false, true] {
        let inputs = [try rows(fromLogits ? scores : probabilities), try rows(targets)]
        try expectGradients(inputs) { _, p in
          try p[0].binaryCrossEntropy(target: p[1], fromLogits: fromLogits, labelSmoothing: smoothing)
        }
        try expectGradients(inputs) { _, p in
          try p[0].categoricalCrossEntropy(target: p[1], fromLogits: fromLogits, labelSmoothing: smoothing)
        }
        try expectGradients([inputs[0]]) { b, p in
          let labels = try b.constant(Tensor([2, 0] as [Int64]))
          return try p[0].sparseCategoricalCrossEntropy(labels: labels, fromLogits: fromLogits)
        }
      }
    }
  }

  private func slope(_ prediction: Tensor, _ target: Tensor, _ loss: (Value, Value) throws -> Value) throws -> [Double]
  {
    let b = GraphBuilder()
    let p = try b.parameter("p", prediction.dtype, prediction.shape)
    let t = try b.parameter("t", target.dtype, target.shape)
    let graph = try b.build(gradients(of: loss(p, t).sum(), withRespectTo: [p]))
    return try Interpreter(graph).run([prediction, target], variables: []).outputs[0].doubles()
  }

  /// softmax − target, exactly, however large the scores are.
  @Test func gradientsFromScoresStayFinite() throws {
    let scores = try Tensor([1e4, -1e4, 0, -Float.infinity, 1, 1], [2, 3])
    let labels = Tensor([1, 2] as [Int32])
    let sparse = try slope(scores, labels) { try $0.sparseCategoricalCrossEntropy(labels: $1, fromLogits: true) }
    #expect(sparse == [1, -1, 0, 0, 0.5, -0.5])
    let hot = try Tensor([0, 1, 0, 0, 0, 1] as [Float], [2, 3])
    #expect(try slope(scores, hot) { try $0.categoricalCrossEntropy(target: $1, fromLogits: true) } == sparse)
    let binary = try slope(Tensor([1e4, -1e4, .infinity, 0] as [Float]), Tensor([1, 1, 0, 1] as [Float])) {
      try $0.binaryCrossEntropy(target: $1, fromLogits: true)
    }
    #expect(binary == [0, -0.25, 0.25, -0.125])
    // Clipped probabilities have no slope, which is Keras's behavior too.
    #expect(
      try slope(Tensor([0.0, 1.0]), Tensor([1.0, 1.0])) { try $0.binaryCrossEntropy(target: $1) } == [0, 0])
  }

  // MARK: Errors

  @Test func labelsOutOfRangeStopTheRun() throws {
    for fromLogits in [false, true] {
      for (label, culprit) in [(10, "10 (number 1 of 2)"), (-1, "-1 (number 1 of 2)")] {
        let b = GraphBuilder()
        let p = try b.parameter("p", .f32, [2, 10])
        let l = try b.parameter("labels", .i32, [2])
        let loss = try p.sparseCategoricalCrossEntropy(labels: l, fromLogits: fromLogits).mean()
        let graph = try b.build([loss] + gradients(of: loss, withRespectTo: [p]))
        expectError(culprit) {
          try Interpreter(graph).run(
            [Tensor(repeating: 0.1, .f32, [2, 10]), Tensor([3, Int32(label)])], variables: [])
        }
      }
    }
  }

  @Test func shapesMustFit() throws {
    let b = GraphBuilder()
    let p = try b.parameter("p", .f32, ["batch", 10])
    let t = try b.parameter("t", .f32, ["batch", 9])
    let l = try b.parameter("l", .i64, [4])
    let scalar = try b.parameter("s", .f32, [])
    let open = try b.parameter("o", .f32, [4, "classes"])
    expectError("target f32[batch, 9] and prediction f32[batch, 10]") { try p.meanSquaredError(target: t) }
    expectError("labels i64[4] do not fit the prediction f32[batch, 10]") {
      try p.sparseCategoricalCrossEntropy(labels: l)
    }
    expectError("the prediction is a scalar") { try scalar.huber(target: scalar) }
    expectError("must be known, not 'classes'") { try open.sparseCategoricalCrossEntropy(labels: l) }
    expectError("'delta' must be positive") { try p.huber(target: p, delta: 0) }
    expectError("'label_smoothing' must be between 0 and 1") {
      try p.binaryCrossEntropy(target: p, labelSmoothing: 2)
    }
  }
}
