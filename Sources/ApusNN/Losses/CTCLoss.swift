import ApusCore
import ApusGraph
import ApusOperators

/// −ln of the probability of a label sequence under all its alignments with the steps of a longer one. Graves et al. 2006.
///
/// Predictions are scores `(batch, steps, classes)`, class 0 is the blank; targets are labels `(batch, length)`, filled up
/// with zeros at their ends.
struct CTCLoss: LossFunction {
  static let takesClassNumbers = true
  static let record = ComponentRecord(
    "ctc", "−ln p of a label sequence under all alignments; scores (batch, steps, classes), label 0 is the blank")

  /// The logarithm of 0, finite so that its differences are numbers.
  private static let never = -1e30

  func losses(of prediction: Value, against target: Value) throws -> Value {
    guard prediction.rank == 3, target.rank == 2, let count = target.shape[1].number else {
      throw ApusError.input(
        "ctc compares scores (batch, steps, classes) with labels (batch, length), not \(prediction.type) with \(target.type)"
      )
    }
    // Half precision has no number for the logarithm of 0.
    let prediction = try prediction.widened()
    let builder = prediction.builder
    let labels = try target.cast(to: .i64)
    // Blanks before, between and after the labels.
    let states = try labels.padded(low: [0, 1], high: [0, 1], interior: [0, 1])
    let batch = prediction.shape[0]
    let scores = try prediction.logSoftmax().transposed([1, 0, 2])
    let index = try states.expandedDims(at: 0).broadcast(
      to: Shape([prediction.shape[1], batch, .number(2 * count + 1)]))
    let emissions = try scores.takeAlongAxis(index, axis: -1)

    // A label may follow another without a blank between them, unless both are the same.
    let earlier = try Self.shifted(states, by: 2, filling: 0)
    let skips = try states.notEqual(0).and(states.notEqual(earlier))
    let never = try prediction.scalar(Self.never)
    // All the probability is before the first state: from there the first blank and the first label can be reached.
    let start = try builder.iota(.i64, [.number(2 * count + 1)]).equal(0)
      .select(prediction.scalar(0), never).broadcast(to: Shape([batch, .number(2 * count + 1)]))
    let last = try builder.scan([start], sequences: [emissions], invariants: [skips]) { carries, elements, invariants in
      let alpha = carries[0]
      let next = try Self.shifted(alpha, by: 1, filling: Self.never)
      let skipping = try invariants[0].select(
        Self.shifted(alpha, by: 2, filling: Self.never), alpha.scalar(Self.never))
      let most = try alpha.maximum(next).maximum(skipping).stopGradient()
      let sum = try (alpha - most).exp() + (next - most).exp() + (skipping - most).exp()
      return (carries: [try sum.log() + most + elements[0]], outputs: [])
    }.carries[0]

    // The path ends in the last label or in the blank after it.
    let length = try labels.notEqual(0).cast(to: .i64).sum(axes: [1], keepDims: true)
    let blank = try last.takeAlongAxis(length * 2, axis: -1)
    let hasLabels = try length.greater(0)
    let label = try hasLabels.select(last.takeAlongAxis((length * 2 - 1).maximum(0), axis: -1), never)
    let most = try blank.maximum(label).stopGradient()
    return try -((blank - most).exp() + (label - most).exp()).log().squeezed(axis: -1) - most.squeezed(axis: -1)
  }

  /// The elements of the last axis of a matrix moved to higher positions.
  private static func shifted(_ x: Value, by count: Int, filling value: Double) throws -> Value {
    guard let size = x.shape[1].number, size > count else { return try x.scalar(value).broadcast(to: x.shape) }
    return try x.sliced(axis: 1, from: 0, to: size - count)
      .padded(low: [0, count], high: [0, 0], value: ExactNumber(value))
  }
}

extension Loss {
  /// −ln of the probability of a label sequence under all its alignments; scores `(batch, steps, classes)`, labels
  /// `(batch, length)` filled up with zeros, which is the blank. Graves et al. 2006.
  public static let ctc = Loss(CTCLoss())
}
