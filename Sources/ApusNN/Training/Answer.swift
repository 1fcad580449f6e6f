import ApusGraph
import ApusOperators

/// What a model's outputs for one sample say.
package enum Answer: Hashable, Sendable {
  /// One of several classes: the largest output.
  case label(Int, score: Double)
  /// Yes or no: one output, on one side of a threshold.
  case decision(Bool, score: Double)
  /// Several independent decisions: those that are yes.
  case labels([Int], score: Double)
  /// A number that is not a class.
  case value(Double)
}

/// How a model's outputs are read.
package struct AnswerReader {
  /// The output above which it is yes; nil unless outputs are decisions.
  private let threshold: Double?
  /// How many outputs a sample has.
  package let width: Int

  /// - Parameters:
  ///   - loss: what the model was trained with; nil if that is not known.
  package init(_ model: Graph, loss: Loss?) throws {
    let output = try model.singleOutput()
    let shape = model.type(of: output).shape
    width = shape.rank > 1 ? shape.dims.last?.number ?? 1 : 1
    let isSigmoid = model.producer(of: model.unannotated(output)).op is Sigmoid
    threshold = isSigmoid ? 0.5 : loss?.decisionThreshold
  }

  /// - Parameter outputs: those of one sample, `width` of them.
  package func answer(_ outputs: ArraySlice<Double>) -> Answer {
    let best = outputs.indices.max { outputs[$0] < outputs[$1] } ?? outputs.startIndex
    let score = outputs.isEmpty ? .nan : outputs[best]
    switch (threshold, width) {
    case (let threshold?, 1): return .decision(score > threshold, score: score)
    case (nil, 1): return .value(score)
    case (let threshold?, _):
      return .labels(
        outputs.indices.filter { outputs[$0] > threshold }.map { $0 - outputs.startIndex }, score: score)
    case (nil, _): return .label(best - outputs.startIndex, score: score)
    }
  }
}
