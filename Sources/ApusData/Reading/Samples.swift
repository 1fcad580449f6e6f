import ApusCore

/// Inputs of a model as they were read from a path, with their targets as far as the data have them.
public struct Samples: Sendable {
  /// What messages call them.
  public var name: String
  /// `[count, …]`
  public var inputs: Tensor
  /// `[count]` class numbers, or `[count, …]` values; nil if the data have none.
  public var targets: Tensor?
  /// The classes' names by number, or none if they are not known.
  public var classNames: [String]
  /// What the inputs of a sample are called, if they have names: `age`, `port=Cherbourg`.
  public var inputNames: [String]
  /// Rows of a table that lack a value and were left out.
  public internal(set) var droppedCount = 0
  /// The texts that inputs are made of, one a sample; nil if they are made of something else.
  public internal(set) var texts: [String]?
  /// What the losses of the samples are multiplied by; nil if they are not weighted.
  public internal(set) var weights: Tensor?
  /// Where the samples are in the data as they were read; nil if they are all of them, in their order.
  var positions: [Int]?
  var origin: Origin

  /// Where samples came from.
  enum Origin: Sendable {
    case array(target: String?)
    /// Lines of a table: `iris.csv:7`; the target's column.
    case rows([String], target: String?)
    case files([String])
  }

  init(
    name: String, inputs: Tensor, targets: Tensor?, classNames: [String] = [], inputNames: [String] = [],
    origin: Origin = .array(target: nil)
  ) {
    (self.name, self.inputs, self.targets) = (name, inputs, targets)
    (self.classNames, self.inputNames, self.origin) = (classNames, inputNames, origin)
  }

  public var count: Int { inputs.dimensions.first ?? 0 }

  /// What messages call a sample: its file, or its line.
  public func label(of sample: Int) -> String {
    switch origin {
    case .array: count == 1 ? name : "\(name)[\(sample)]"
    case .rows(let places, _): places[sample]
    case .files(let paths): paths[sample]
    }
  }

  /// The samples in `rows`, in that order.
  public func gather(rows: [Int]) throws -> Samples {
    var result = self
    result.inputs = try inputs.gather(rows: rows)
    result.targets = try targets?.gather(rows: rows)
    result.weights = try weights?.gather(rows: rows)
    result.positions = rows.map { positions?[$0] ?? $0 }
    if let texts { result.texts = rows.map { texts[$0] } }
    switch origin {
    case .array: break
    case .rows(let places, let target): result.origin = .rows(rows.map { places[$0] }, target: target)
    case .files(let paths): result.origin = .files(rows.map { paths[$0] })
    }
    return result
  }

  /// Texts that are not numbers yet.
  init(name: String, texts: [String], targets: Tensor?, classNames: [String] = [], origin: Origin) throws {
    self.init(
      name: name, inputs: try Tensor(zeros: .i32, [texts.count, 0]), targets: targets, classNames: classNames,
      origin: origin)
    self.texts = texts
  }

  /// The same with texts as numbers.
  func vectorized(by vectorization: TextVectorization) throws -> Samples {
    var result = self
    result.inputs = try vectorization(texts ?? [])
    return result
  }

  /// These samples as ones that a model is trained or judged on.
  /// - Throws: `ApusError` if they have no targets, with what would give them.
  public func labeled() throws -> Dataset {
    guard let targets else {
      let help: String
      switch origin {
      case .array(let target): help = target.map { "the model needs the array '\($0)'" } ?? "give the targets, too"
      case .rows(_, let target): help = target.map { "the model needs the column '\($0)'" } ?? "name the column"
      case .files:
        let content: ClassFolder.Content = texts == nil ? .pictures : .texts
        help = "\(content.name) in a folder for each class have targets: \(content.example)"
      }
      throw ApusError.file(name, "holds no targets", help: help)
    }
    return try Dataset(name: name, inputs: inputs, targets: targets, origin: self)
  }
}

/// What a path or a name gave for training.
public struct LoadedData: Sendable {
  public var name: String
  /// What kind of data it is: "table", "NPZ file".
  public var kind: String
  public var train: Dataset
  /// Samples for testing, if the data have them or a part was set aside.
  public var test: Dataset?
  public var classNames: [String]
  /// How inputs are made; nil where they are the data as they are.
  public var encoding: InputEncoding?

  package init(
    name: String, kind: String, train: Dataset, test: Dataset?, classNames: [String], encoding: InputEncoding?
  ) {
    (self.name, self.kind, self.train, self.test) = (name, kind, train, test)
    (self.classNames, self.encoding) = (classNames, encoding)
  }
}
