import Apus
import Testing

/// What a model's outputs say follows from its last operator and the loss that it was trained with.
@Suite struct AnswerTests {
  private func reader(_ last: ActivationFunction, outputs: Int, _ loss: Loss?) throws -> AnswerReader {
    try AnswerReader(Sequential(input: [2]) { Dense(outputs, activation: last) }.graph, loss: loss)
  }

  @Test func aSigmoidIsAYesOrANo() throws {
    for loss in [nil, .binaryCrossEntropy, .meanSquaredError] as [Loss?] {
      let reader = try reader(.sigmoid, outputs: 1, loss)
      #expect(reader.answer([0.75]) == .decision(true, score: 0.75))
      #expect(reader.answer([0.25]) == .decision(false, score: 0.25))
      #expect(reader.answer([0.5]) == .decision(false, score: 0.5), "as binary_accuracy has it")
    }
  }

  @Test func logitsHaveTheirThresholdAtZero() throws {
    let reader = try reader(.linear, outputs: 1, .binaryCrossEntropy(fromLogits: true))
    #expect(reader.answer([0.25]) == .decision(true, score: 0.25))
    #expect(reader.answer([-0.25]) == .decision(false, score: -0.25))
    let probabilities = try self.reader(.linear, outputs: 1, .binaryCrossEntropy)
    #expect(probabilities.answer([0.25]) == .decision(false, score: 0.25))
  }

  @Test func severalSigmoidsAreSeveralDecisions() throws {
    let reader = try reader(.sigmoid, outputs: 3, .binaryCrossEntropy)
    #expect(reader.answer([0, 0.9, 0.2, 0.6][1...]) == .labels([0, 2], score: 0.9))
    #expect(reader.answer([0.1, 0.2, 0.3]) == .labels([], score: 0.3))
  }

  @Test func classesAndNumbers() throws {
    let classes = try reader(.softmax, outputs: 3, .sparseCategoricalCrossEntropy)
    #expect(classes.answer([9, 0.25, 0.5, 0.25][1...]) == .label(1, score: 0.5))
    let number = try reader(.linear, outputs: 1, .meanSquaredError)
    #expect(number.answer([-3.5]) == .value(-3.5))
  }
}
