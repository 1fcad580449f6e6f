import ApusCore
import ApusGraph
import ApusOperators

extension Loss {
  /// The loss and the metrics that suit the targets, used unless others are chosen.
  ///
  /// | targets | output | loss | metrics |
  /// |---|---|---|---|
  /// | whole numbers, one a sample | several numbers | `sparse_categorical_crossentropy` | `accuracy` |
  /// | rows with a single 1 among zeros | as many numbers | `categorical_crossentropy` | `accuracy` |
  /// | 0 or 1 | a sigmoid | `binary_crossentropy` | `accuracy` |
  /// | other numbers | any | `mean_squared_error` | `mean_absolute_error` |
  /// - Parameter model: a forward graph.
  package static func usual(for targets: Tensor, of model: Graph) throws -> (loss: Loss, metrics: [Metric]) {
    let output = try model.singleOutput()
    let sample = model.type(of: output).shape.dims.dropFirst().map { $0.number ?? 0 }
    let width = sample.last ?? 1
    let given = Array(targets.dimensions.dropFirst())
    if width > 1, given == sample, isOneHot(targets, width: width) {
      return (.categoricalCrossEntropy, [try .named("accuracy")])
    }
    if width == 1, model.producer(of: model.unannotated(output)).op is Sigmoid,
      targets.doubles().allSatisfy({ $0 == 0 || $0 == 1 })
    {
      return (.binaryCrossEntropy, [try .named("accuracy")])
    }
    if width > 1, targets.dtype.isInteger { return (.sparseCategoricalCrossEntropy, [try .named("accuracy")]) }
    return (.meanSquaredError, [try .named("mean_absolute_error")])
  }

  /// Whether each row of `width` numbers is a single 1 among zeros.
  private static func isOneHot(_ targets: Tensor, width: Int) -> Bool {
    let numbers = targets.doubles()
    return stride(from: 0, to: numbers.count, by: width).allSatisfy { start in
      let row = numbers[start..<start + width]
      return row.allSatisfy { $0 == 0 || $0 == 1 } && row.reduce(0, +) == 1
    }
  }
}
