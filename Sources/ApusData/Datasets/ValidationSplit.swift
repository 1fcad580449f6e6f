import ApusCore

/// Rows for training, validation and testing: consecutive parts of a data set, taken before any shuffling, as Keras
/// does.
public struct ValidationSplit: Sendable, Hashable {
  public var train: Range<Int>
  public var validation: Range<Int>
  /// Empty unless a fraction for testing was asked for.
  public var test: Range<Int>

  /// The last `fraction` of `count` samples for validation: the training part ends at `floor(count · (1 - fraction))`.
  /// A fraction of 0 keeps all for training.
  /// - Throws: `ApusError` if the fraction is not in [0, 1), or a part would be empty.
  public init(count: Int, validation fraction: Double) throws {
    guard fraction >= 0, fraction < 1 else {
      throw ApusError.input(
        "a validation split of \(fraction) is not a part of the training data", help: "0 <= split < 1, such as 0.2")
    }
    let boundary = Int((Double(count) * (1 - fraction)).rounded(.down))
    guard fraction == 0 || boundary > 0 && boundary < count else {
      throw ApusError.input(
        "the training data contain \(count) sample\(count == 1 ? "" : "s"), too few to split a part of \(fraction) off for "
          + "validation: one of the two parts would be empty",
        help: "provide more data, or another validationSplit",
        commandHelp: "provide more data, or another --validation-split")
    }
    train = 0..<boundary
    validation = boundary..<count
    test = count..<count
  }

  /// Three parts: training, validation, testing. Both fractions are of the whole.
  /// - Throws: `ApusError` if the fractions do not leave a part for training, or one asked for would be empty.
  public init(count: Int, validation: Double, test: Double) throws {
    guard validation >= 0, test >= 0, validation + test < 1 else {
      throw ApusError.input(
        "validation and test splits of \(validation) and \(test) leave nothing to train on",
        help: "both are at least 0, and their sum below 1")
    }
    let first = Int((Double(count) * (1 - (validation + test))).rounded(.down))
    let second = test == 0 ? count : Int((Double(count) * (1 - test)).rounded(.down))
    guard first > 0, validation == 0 || second > first, test == 0 || count > second else {
      throw ApusError.input(
        "\(count) samples are too few to split into training, validation (\(validation)) and test (\(test)) parts",
        help: "provide more data, or other fractions")
    }
    train = 0..<(validation == 0 ? second : first)
    self.validation = train.upperBound..<second
    self.test = second..<count
  }

  /// The labels, ascending, that occur in the validation part and nowhere in the training part. Data sorted by class
  /// show so: the model is then judged on classes it never saw.
  /// - Parameter labels: an integer tensor with a label a row.
  /// - Throws: `ApusError` if the split reaches beyond the labels, or they are not integers.
  public func labelsMissingFromTraining(_ labels: Tensor) throws -> [Int] {
    guard labels.dtype.isInteger else {
      throw ApusError.input("labels are integers, not \(labels.type)")
    }
    guard test.upperBound <= labels.count else {
      throw ApusError.input("a split of \(test.upperBound) samples does not fit \(labels.count) labels")
    }
    var search = LabelSearch(labels: labels, split: self)
    return try labels.dtype.dispatch(&search)
  }

  private struct LabelSearch: TensorElementVisitor {
    let labels: Tensor
    let split: ValidationSplit

    mutating func visit<Element: TensorElement>(_ type: Element.Type) throws -> [Int] {
      labels.withElements(as: type) { all in
        let trained = Set(all[split.train])
        let validated = Set(all[split.validation])
        return validated.subtracting(trained).map { Int($0.asInt64) }.sorted()
      }
    }
  }
}
