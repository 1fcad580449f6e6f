import ApusCore
import Foundation

/// Samples with targets: what a model is trained or tested on.
public struct Dataset: Sendable {
  /// What messages call it: "fashion-mnist (train)".
  public var name: String
  /// `[count, …]`; pictures are `u8` and stay bytes: they are scaled inside the graph.
  public let inputs: Tensor
  /// `[count]` class numbers, or values `[count, …]`.
  public let targets: Tensor
  /// What the inputs of a sample are called, if they have names.
  public let inputNames: [String]
  /// The texts that inputs were made of, one a sample; nil if they were made of something else.
  public var texts: [String]? { samples?.texts }
  /// What each sample's loss is multiplied by; nil if samples are not weighted.
  public var sampleWeights: Tensor?
  /// Where the samples are in the data as they were read.
  var positions: [Int] { samples?.positions ?? Array(0..<count) }
  /// Rows of a table that lack a value and were left out.
  public var droppedCount: Int { samples?.droppedCount ?? 0 }
  /// The warning about files of its folder that are not among the samples.
  var leftOutRemark: Diagnostic? { samples?.leftOutRemark }
  /// What messages call the targets: their file.
  private let targetPlace: String
  /// The samples that it was made of, if these were read one by one.
  private let samples: Samples?

  /// Labeled images.
  /// - Throws: `ApusError` if the types are not `u8`, the shapes not those above, or the counts differ.
  public init(name: String, images: Tensor, labels: Tensor) throws {
    try self.init(name: name, images: images, labels: labels, imagePlace: "images", labelPlace: "labels")
  }

  /// - Parameters:
  ///   - imagePlace: what an error calls the images: their file.
  ///   - labelPlace: what an error calls the labels.
  init(name: String, images: Tensor, labels: Tensor, imagePlace: String, labelPlace: String) throws {
    guard images.dtype == .u8, images.rank >= 2 else {
      throw ApusError.input("\(imagePlace): holds \(images.type); images are u8 [count, height, width]")
    }
    guard labels.dtype == .u8, labels.rank == 1 else {
      throw ApusError.input("\(labelPlace): holds \(labels.type); labels are u8 [count]")
    }
    guard images.dimensions[0] == labels.count else {
      throw ApusError.input(
        "\(imagePlace) holds \(images.dimensions[0]) images, \(labelPlace) \(labels.count) labels",
        help: "each image needs one label: use the two files of one set")
    }
    guard labels.count > 0 else { throw ApusError.input("\(imagePlace): holds no images") }
    self.name = name
    inputs = images
    targets = labels
    inputNames = []
    targetPlace = labelPlace
    samples = nil
  }

  /// Samples with targets of any type.
  /// - Throws: `ApusError` if there are no samples, or the counts differ.
  public init(name: String, inputs: Tensor, targets: Tensor) throws {
    try self.init(name: name, inputs: inputs, targets: targets, origin: nil)
  }

  init(name: String, inputs: Tensor, targets: Tensor, origin: Samples?) throws {
    guard let count = inputs.dimensions.first, let targetCount = targets.dimensions.first else {
      throw ApusError.file(
        name, "inputs of \(inputs.type) and targets of \(targets.type) are not samples",
        help: "samples lie along the first axis")
    }
    guard count == targetCount else {
      throw ApusError.file(
        name, "\(count) samples have \(targetCount) targets",
        help: "each sample needs one: \(inputs.type), \(targets.type)")
    }
    guard count > 0 else { throw ApusError.file(name, "holds no samples") }
    self.name = name
    self.inputs = inputs
    self.targets = targets
    inputNames = origin?.inputNames ?? []
    targetPlace = name
    samples = origin
    sampleWeights = origin?.weights
  }

  /// The inputs, if they are images.
  public var images: Tensor { inputs }
  /// The targets, if they are class numbers.
  public var labels: Tensor { targets }

  /// Compares each label with the number of classes.
  /// - Parameter owner: what has so many classes, for the message: `the model`.
  /// - Throws: `ApusError` that names the file, the first sample whose label is not a class, from 0, and its label.
  public func checkLabels(classes: Int, of owner: String) throws {
    // Other shapes and types are not class numbers: a trainer says what it wants of them.
    guard targets.dtype.isInteger, targets.count == count else { return }
    guard let (index, label) = targets.doubles().enumerated().first(where: { $1 < 0 || $1 >= Double(classes) }) else {
      return
    }
    let named = samples.map { " (\($0.label(of: index)))" } ?? ""
    throw ApusError.file(
      targetPlace, "sample \(index)\(named) has the label \(Dataset.text(label)), but \(owner) has \(classes) classes",
      help: "labels are 0 … \(classes - 1)")
  }

  /// A label as messages print it: labels beyond the range of `Int` are rounded.
  private static func text(_ label: Double) -> String { String(format: "%.0f", label) }

  public var count: Int { inputs.dimensions[0] }

  /// What messages call a sample: its file, its line, or its number.
  public func label(of sample: Int) -> String { samples?.label(of: sample) ?? "\(name)[\(sample)]" }

  /// The shape of one image: `[28, 28]`; or of one sample of any kind.
  public var imageDimensions: [Int] { Array(inputs.dimensions.dropFirst()) }
}

/// The two parts that a published data set comes in. Validation data are taken from `train` by `ValidationSplit`.
public struct DatasetSplits: Sendable {
  public var name: String
  /// The classes' names by label, or none if they are not known.
  public var classNames: [String]
  public var train: Dataset
  public var test: Dataset

  public init(name: String, classNames: [String] = [], train: Dataset, test: Dataset) {
    self.name = name
    self.classNames = classNames
    self.train = train
    self.test = test
  }
}
