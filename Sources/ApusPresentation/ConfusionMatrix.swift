import ApusCore
import ApusData

/// How often samples of each class were taken for which class: a row for each true class, a column for each predicted
/// one, as in TensorFlow and scikit-learn.
///
/// ```swift
/// let matrix = try ConfusionMatrix(labels: test.targets, predictions: trainer.predict(test.inputs), classNames: names)
/// print(matrix)
/// ```
public struct ConfusionMatrix: Hashable, Sendable, Encodable {
  /// `counts[i][j]`: how many samples of class i were taken for class j.
  public let counts: [[Int]]
  /// What the classes are called; their numbers if that is not known.
  public let classNames: [String]

  /// More classes than this are numbers of something else, and their matrix would fill the memory.
  static let mostClasses = 10_000

  private enum CodingKeys: String, CodingKey {
    case counts
    case classNames = "class_names"
  }

  /// - Parameters:
  ///   - counts: a square matrix of numbers from 0.
  ///   - classNames: a name for each class, or none.
  /// - Throws: `ApusError` if the counts are not such a matrix, or the names not as many as its rows.
  public init(counts: [[Int]], classNames: [String] = []) throws {
    guard !counts.isEmpty, counts.allSatisfy({ $0.count == counts.count && $0.allSatisfy { $0 >= 0 } }) else {
      throw ApusError.input(
        "the counts of a confusion matrix are not [\(counts.count)][\(counts.count)] numbers from 0",
        help: "a row for each true class, and in it a count for each predicted class")
    }
    guard classNames.isEmpty || classNames.count == counts.count else {
      throw ApusError.input("a confusion matrix of \(counts.count) classes has \(classNames.count) names of classes")
    }
    self.counts = counts
    self.classNames = classNames.isEmpty ? counts.indices.map(String.init) : classNames
  }

  /// Compares predictions with the truth.
  /// - Parameters:
  ///   - labels: class numbers `[count]`, or rows with a 1 at the class `[count, classes]`.
  ///   - predictions: class numbers (integers) `[count]`; a score for each class `[count, classes]`, of which the largest
  ///     counts; or one probability `[count, 1]` (floating), which is class 1 above 0.5.
  ///   - classNames: a name for each class; none if they are not known.
  /// - Throws: `ApusError` if counts differ, a label or a prediction is not a class, or a score is NaN.
  public init(labels: Tensor, predictions: Tensor, classNames: [String] = []) throws {
    let truths = try ConfusionMatrix.classes(labels, "label", isProbability: false)
    let answers = try ConfusionMatrix.classes(predictions, "prediction", isProbability: true)
    guard truths.numbers.count == answers.numbers.count else {
      throw ApusError.input(
        "\(truths.numbers.count) labels have \(answers.numbers.count) predictions",
        help: "one for each sample: \(labels.type), \(predictions.type)")
    }
    let classCount = classNames.isEmpty ? max(truths.count, answers.count, 1) : classNames.count
    guard classCount <= ConfusionMatrix.mostClasses else {
      throw ApusError.input(
        "there are \(classCount) classes, more than the \(ConfusionMatrix.mostClasses) of a confusion matrix",
        help: "labels are class numbers from 0")
    }
    var counts = Array(repeating: Array(repeating: 0, count: classCount), count: classCount)
    for (row, (truth, answer)) in zip(truths.numbers, answers.numbers).enumerated() {
      guard truth < classCount, answer < classCount else {
        throw ApusError.input(
          "sample \(row) has the \(truth < classCount ? "prediction \(answer)" : "label \(truth)"), but there are "
            + "\(classCount) classes", help: "classes are 0 … \(classCount - 1)")
      }
      counts[truth][answer] += 1
    }
    try self.init(counts: counts, classNames: classNames)
  }

  /// A class for each row, and how many classes there are as far as the tensor shows it.
  private static func classes(
    _ tensor: Tensor, _ what: String, isProbability: Bool
  ) throws -> (numbers: [Int], count: Int) {
    guard tensor.rank == 1 || tensor.rank == 2, tensor.dtype != .bool else {
      throw ApusError.input(
        "the \(what)s of a confusion matrix are not \(tensor.type)",
        help: "class numbers [count], or a number for each class [count, classes]")
    }
    let values = tensor.doubles()
    if let index = values.firstIndex(where: \.isNaN) {
      throw ApusError.input("the \(what) of sample \(index / max(1, values.count / tensor.dimensions[0])) is NaN")
    }
    if tensor.rank == 2, tensor.dimensions[1] > 1 {
      return (try tensor.argMax(axis: 1).elements(as: Int64.self).map { Int($0) }, tensor.dimensions[1])
    }
    if isProbability, tensor.dtype.isFloating { return (values.map { $0 > 0.5 ? 1 : 0 }, 2) }
    let numbers = try values.enumerated().map { row, value in
      guard value >= 0, let number = Int(exactly: value) else {
        throw ApusError.input("the \(what) of sample \(row) is \(value), which is not a class", help: "0, 1, …")
      }
      return number
    }
    return (numbers, (numbers.max() ?? -1) + 1)
  }

  /// How many samples were compared.
  public var sampleCount: Int { counts.reduce(0) { $0 + $1.reduce(0, +) } }

  /// The part of the samples whose class was found; nil without samples.
  public var accuracy: Double? { part(counts.indices.reduce(0) { $0 + counts[$1][$1] }, of: sampleCount) }

  /// The part of the samples of a class that were taken for it; nil if the class has none.
  public func recall(of index: Int) -> Double? { part(counts[index][index], of: counts[index].reduce(0, +)) }

  /// The part of the samples that were taken for a class and are of it; nil if none was taken for it.
  public func precision(of index: Int) -> Double? {
    part(counts[index][index], of: counts.reduce(0) { $0 + $1[index] })
  }

  /// F₁ = 2 PR / (P + R), written by counts: twice the hits, divided by the samples of the class and those taken for it.
  public func f1Score(of index: Int) -> Double? {
    part(2 * counts[index][index], of: counts[index].reduce(0, +) + counts.reduce(0) { $0 + $1[index] })
  }

  private func part(_ count: Int, of all: Int) -> Double? { all == 0 ? nil : Double(count) / Double(all) }
}
