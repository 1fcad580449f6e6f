import Apus
import TestSupport
import Testing

/// A loss that is not finite is said, with its step, and with what made it.
@Suite struct NonFiniteLossTests {
  /// y = log(x · w) with w = 1, trained towards 0: finite until a sample is not positive.
  private func logarithm(rate: Double = 0) throws -> Trainer {
    let text = """
      graph @logarithm(%x: f32[batch, 1]) {
        %w: f32[1, 1] = variable(ones)
        %sum = matmul(%x, %w) from "sum"
        %y = log(%sum) from "logarithm"
        return %y
      }
      """
    return try Trainer(
      #require(Graph.parse(text).first), optimizer: .sgd(learningRate: LearningRate(rate)), loss: .meanSquaredError,
      backend: InterpreterBackend())
  }

  /// Samples of 1, but for one.
  private func samples(_ count: Int, at index: Int, _ value: Float) throws -> Tensor {
    try Tensor((0..<count).map { $0 == index ? value : 1 }, [count, 1])
  }

  /// Seven samples in batches of 2, two epochs: sample 5 is in batch 3.
  private func fit(
    _ trainer: Trainer, _ x: Tensor, _ action: NonFiniteLoss = .stop, callbacks: [any Callback] = [],
    said: (String) -> Void = { _ in }
  ) throws -> History {
    try withoutActuallyEscaping(said) { said in
      try trainer.fit(
        x, Tensor(zeros: .f32, [7, 1]), batchSize: 2, epochs: 2, shuffle: false, verbose: .line, callbacks: callbacks,
        onNonFiniteLoss: action, output: ProgressOutput(isTerminal: false, write: said))
    }
  }

  /// With callbacks steps run one by one, without them many in one call: the step that is named is the same.
  @Test(arguments: [false, true]) func trainingStopsAtTheFirst(_ isByOne: Bool) throws {
    let trainer = try logarithm()
    let lines = Lines()
    expectError("the loss is inf in step 3, batch 3 of epoch 1") {
      try fit(trainer, samples(7, at: 5, 0), callbacks: isByOne ? [LambdaCallback()] : [], said: lines.add)
    }
    #expect(trainer.history.epochs.isEmpty, "the epoch is not in the history")
    let line = try #require(lines.all.last)
    #expect(line.hasPrefix("3/4 - ") && line.hasSuffix(" - the loss is inf from batch 3 on\n"), "\(line)")
  }

  private final class Lines {
    private(set) var all: [String] = []
    func add(_ line: String) { all.append(line) }
  }

  @Test func trainingGoesOnIfToldSo() throws {
    let (trainer, lines) = (try logarithm(), Lines())
    let history = try fit(trainer, samples(7, at: 5, -1), .continue, said: lines.add)
    #expect(history.epochs == [0, 1] && history["loss"]?.allSatisfy(\.isNaN) == true)
    // The step of batch 3 leaves NaN in the variables: the second epoch begins with them.
    let marks = lines.all.filter { $0.contains("from batch") }.map { $0.suffix(16) }
    #expect(marks == ["from batch 3 on\n", "from batch 1 on\n"], "\(lines.all)")
  }

  @Test func finiteLossesAreNotMarked() throws {
    let lines = Lines()
    for action in NonFiniteLoss.allCases { _ = try fit(logarithm(), samples(7, at: 5, 2), action, said: lines.add) }
    #expect(lines.all.allSatisfy { !$0.contains("from batch") })
  }

  /// A callback that stops training by itself has its way: `fit` returns.
  @Test func terminateOnNaNReturns() throws {
    let trainer = try logarithm()
    let history = try fit(trainer, samples(7, at: 5, 0), callbacks: [TerminateOnNaN()])
    #expect(history.epochs == [0] && trainer.stepCount == 3)
  }

  // MARK: What made it

  /// The operator, its layer and its operands' range; the variables are those before the step.
  @Test(arguments: [
    (Float(0), "inf", "operator 'log' of layer 'logarithm' makes -inf: %y = log(%sum from 0.0 to 1.0)"),
    (-2, "nan", "operator 'log' of layer 'logarithm' makes nan: %y = log(%sum from -2.0 to 1.0)"),
    (.infinity, "inf", "the data of %x holds inf, in sample 5"),
    (.nan, "nan", "the data of %x holds nan, in sample 5"),
  ])
  func theOperatorIsFound(_ value: Float, _ loss: String, _ cause: String) throws {
    let trainer = try logarithm(rate: 0.1)
    expectError("the loss is \(loss) in step 3, batch 3 of epoch 1; \(cause)") {
      try fit(trainer, samples(7, at: 5, value), .explain)
    }
    #expect(trainer.stepCount == 2 && trainer.weights.allSatisfy { $0.value.doubles().allSatisfy(\.isFinite) })
  }

  /// An update that overflows makes the next step's loss NaN: the step before is named.
  @Test func anUpdateIsFound() throws {
    let trainer = try logarithm(rate: 1e38)
    let x = try samples(7, at: 1, 1e30)
    expectError("the new variables of step 1 are not finite: operator 'multiply' of layer 'sgd' makes") {
      try fit(trainer, x, .explain)
    }
    #expect(trainer.stepCount == 0)
  }

  /// Infinities that a graph states, as masks do, are no fault.
  @Test func masksAreNotBlamed() throws {
    let text = """
      graph @masked(%x: f32[batch, 2]) {
        %w: f32[2, 2] = variable(ones)
        %mask: f32[2] = constant([0, -inf])
        %sum = matmul(%x, %w)
        %masked = add(%sum, %mask)
        %share = softmax(%masked)
        %y = sqrt(%share) from "root"
        %low: f32 = constant(-2)
        %moved = add(%y, %low)
        %z = log(%moved) from "logarithm"
        return %z
      }
      """
    let trainer = try Trainer(
      #require(Graph.parse(text).first), optimizer: .sgd(), loss: .meanSquaredError, backend: InterpreterBackend())
    expectError("operator 'log' of layer 'logarithm' makes nan") {
      try trainer.fit(
        Tensor(repeating: 1, .f32, [2, 2]), Tensor(zeros: .f32, [2, 2]), verbose: .silent, onNonFiniteLoss: .explain)
    }
  }

  @Test func aValidationLossCounts() throws {
    let trainer = try logarithm()
    let (x, y) = (try samples(4, at: 0, 1), try Tensor(zeros: .f32, [4, 1]))
    let bad = try samples(4, at: 2, 0)
    expectError("the validation loss is inf after epoch 1") {
      try trainer.fit(x, y, epochs: 3, validationData: (bad, y), verbose: .silent)
    }
    #expect(trainer.history.epochs == [0])
    let history = try trainer.fit(
      x, y, epochs: 2, validationData: (bad, y), verbose: .silent, onNonFiniteLoss: .continue)
    #expect(history.epochs == [1, 2])
  }
}
