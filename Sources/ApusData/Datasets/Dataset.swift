import ApusCore

/// Labeled images: what a model is trained or tested on.
public struct Dataset: Sendable {
  /// What messages call it: "fashion-mnist (train)".
  public var name: String
  /// `u8[count, height, width]` or more axes; kept as bytes and scaled inside the graph.
  public let images: Tensor
  /// `u8[count]`.
  public let labels: Tensor
  /// What messages call the labels: their file.
  private let labelPlace: String

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
    self.images = images
    self.labels = labels
    self.labelPlace = labelPlace
  }

  /// Compares each label with the number of classes.
  /// - Parameter owner: what has so many classes, for the message: `the model`.
  /// - Throws: `ApusError` that names the file, the first sample whose label is no class, from 0, and its label.
  public func checkLabels(classes: Int, of owner: String) throws {
    try labels.withElements(as: UInt8.self) { labels in
      guard let index = labels.firstIndex(where: { Int($0) >= classes }) else { return }
      throw ApusError.file(
        labelPlace, "sample \(index) has the label \(labels[index]), but \(owner) has \(classes) classes",
        help: "labels are 0 … \(classes - 1)")
    }
  }

  public var count: Int { labels.count }

  /// The shape of one image: `[28, 28]`.
  public var imageDimensions: [Int] { Array(images.dimensions.dropFirst()) }
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
