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
  /// | 0 or 1, as many as outputs | sigmoids | `binary_crossentropy` | `accuracy` |
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
    if width == 1 || given == sample, model.producer(of: model.unannotated(output)).op is Sigmoid,
      targets.doubles().allSatisfy({ $0 == 0 || $0 == 1 })
    {
      return (.binaryCrossEntropy, [try .named("accuracy")])
    }
    if width > 1, targets.dtype.isInteger { return (.sparseCategoricalCrossEntropy, [try .named("accuracy")]) }
    return (.meanSquaredError, [try .named("mean_absolute_error")])
  }

  /// - Parameter names: of the classes that the targets are numbers of; none if they are not.
  /// - Throws: `ApusError` if a model with one output is to tell more than two of them apart: their numbers are no quantity.
  package static func checkClasses(_ names: [String], of model: Graph) throws {
    let output = try model.singleOutput()
    guard names.count > 2, model.type(of: output).shape.dims.dropFirst().last?.number ?? 1 == 1 else { return }
    let list = names.prefix(5).joined(separator: ", ") + (names.count > 5 ? ", …" : "")
    let help = "give it \(names.count) outputs with softmax, or choose a loss for their numbers"
    throw ApusError.input(
      "the targets are \(names.count) classes (\(list)), but the model has one output", help: help,
      commandHelp: help + ": --loss mean_squared_error")
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
