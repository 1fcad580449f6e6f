import ApusCore
import ApusData
import ApusGraph
import ApusOperators

/// What fits what: data to a model's inputs, targets to its objective.
extension Trainer {
  /// Samples in the shape of an input of the model, of their own element type.
  /// - Throws: `ApusError` that names both shapes where the element counts differ, or both types where the model's input
  ///   cannot hold the data's numbers.
  func fitted(_ inputs: Tensor, to position: Int = 0) throws -> Tensor {
    let input = inputTypes[position]
    let what = inputTypes.count == 1 ? "input" : "input '\(inputNames[position])'"
    let sample = input.shape.dims.dropFirst().map { $0.number ?? 0 }
    let given = Array(inputs.dimensions.dropFirst())
    guard inputs.rank >= 1, Shape.elementCount(sample) == Shape.elementCount(given) else {
      let isOneSample = inputs.count == Shape.elementCount(sample)
      throw ApusError.input(
        "the model's \(what) is \(Shape(sample)) a sample, but the data has \(Shape(given))",
        help: isOneSample
          ? "this is one sample without its axis of samples: reshape it to \(Shape([1] + sample))"
          : "28×28, 28×28×1 and 784 are the same to a model; any other shape must be made: reshape, resize or choose features"
      )
    }
    guard sample == given || Self.haveOneOrder(sample, given) else {
      throw ApusError.input(
        "the model's \(what) is \(Shape(sample)) a sample, but the data has \(Shape(given)): as many elements in another order",
        help: sample.sorted() == given.sorted()
          ? "put its axes in the model's order: \(Self.transposition(of: given, to: sample)) in NumPy"
          : "reshape it to \(Shape(sample)), if its elements are in this order")
    }
    if input.dtype == .f32, inputs.dtype == .f64, let index = inputs.firstBeyondFloat {
      throw ApusError.input(
        "sample \(index / max(1, inputs.count / inputs.dimensions[0])) of the \(what) holds \(inputs.doubles()[index]), which is beyond the model's f32",
        help: "scale the data, or declare the input as f64")
    }
    guard input.dtype.takesNumbers(of: inputs.dtype) else {
      throw ApusError.input(
        "the model's \(what) is of type \(input.dtype), which does not hold the data's \(inputs.dtype)",
        help: "declare the input as \(inputs.dtype) and cast in the graph")
    }
    return try inputs.reshaped([inputs.dimensions[0]] + sample)
  }

  /// Whether two shapes differ by axes of size 1 and by neighbors that are joined: then elements in row-major order are the
  /// same ones.
  private static func haveOneOrder(_ a: [Int], _ b: [Int]) -> Bool {
    func ends(_ shape: [Int]) -> Set<Int> {
      var end = 1
      return Set(
        shape.map { size in
          end *= size
          return end
        })
    }
    let (first, second) = (ends(a.reversed()).union([1]), ends(b.reversed()).union([1]))
    return a.contains(0) || first.isSubset(of: second) || second.isSubset(of: first)
  }

  /// How NumPy puts axes into another order.
  private static func transposition(of given: [Int], to wanted: [Int]) -> String {
    var left = Array(given.indices)
    let axes = wanted.compactMap { size in left.firstIndex { given[$0] == size }.map { left.remove(at: $0) } }
    return "x.transpose(\(([0] + axes.map { $0 + 1 }).map(String.init).joined(separator: ", ")))"
  }

  /// Checks targets against samples and outputs before anything is computed.
  /// - Throws: `ApusError` that names the first sample whose label is not a class of the model.
  func check(_ targets: Tensor, at position: Int, count: Int) throws {
    let place = targetNames.count == 1 ? "" : " for '\(targetNames[position])'"
    guard targets.rank >= 1, count == targets.dimensions[0] else {
      throw ApusError.input("\(count) samples have \(targets.dimensions.first ?? 0) targets\(place)")
    }
    if let joint = objective.joint {
      let declared = joint.targets[position].value
      guard Array(targets.dimensions.dropFirst()) == declared.shape else {
        throw ApusError.input(
          "the targets\(place) of the loss '\(joint.name)' are \(Shape(declared.shape)) a sample, but the data has "
            + "\(Shape(Array(targets.dimensions.dropFirst())))")
      }
      guard declared.dtype.takesNumbers(of: targets.dtype) else {
        throw ApusError.input(
          "the targets\(place) of the loss '\(joint.name)' are of type \(declared.dtype), not \(targets.dtype)")
      }
      return
    }
    let index = objective.trained[position]
    guard let loss = objective.parts[index].loss, loss.takesClassNumbers,
      let classes = outputTypes[index].shape.dims.last?.number
    else { return }
    guard targets.dtype.isInteger else {
      throw ApusError.input("labels of \(loss.name)\(place) must be integers, not \(targets.dtype)")
    }
    let labels = targets.doubles()
    for (index, label) in labels.enumerated()
    where !(Int(exactly: label).map { loss.acceptsLabel($0, classes) } ?? false) {
      throw ApusError.input(
        "sample \(index / (labels.count / count)) has the label \(DecimalText.describe(label))\(place), but the model has \(classes) outputs",
        help: "labels are 0 … \(classes - 1)")
    }
  }

  /// Compares the inputs of a data set with the model's.
  /// - Throws: `ApusError` that lists the inputs, if they have names; else as `fit`.
  package func checkInputs(of data: Dataset) throws {
    try checkTakesOneOfEach()
    let sample = Shape.elementCount(input.shape.dims.dropFirst().map { $0.number ?? 0 })
    let names = data.inputNames
    guard names.isEmpty || names.count == sample else {
      throw ApusError.file(
        data.name,
        "gives \(names.count) inputs a sample, but the model's input is \(sample ?? 0): \(names.prefix(20).joined(separator: ", "))\(names.count > 20 ? ", …" : "")",
        help: "choose features, or give the model's input \(names.count) numbers",
        commandHelp: "choose columns: --features a,b,c; or give the model's input \(names.count) numbers")
    }
    _ = try fitted(data.inputs)
  }

  /// - Throws: `ApusError` if weights are not as many as samples, or one is negative or no number.
  func check(weights: Tensor, at position: Int, count: Int) throws {
    let place = targetNames.count == 1 ? "" : " for '\(targetNames[position])'"
    guard objective.joint == nil else {
      throw ApusError.input(
        "the loss '\(objective.loss.name)' of several tensors takes no sample weights",
        help: "declare them as one of its targets, and multiply its terms by them")
    }
    guard weights.dtype.isNumeric, weights.rank >= 1, weights.dimensions[0] == count else {
      throw ApusError.input(
        "\(count) samples have the weights \(weights.type)\(place)", help: "give a number for each sample")
    }
    if let index = weights.doubles().firstIndex(where: { !$0.isFinite || $0 < 0 }) {
      throw ApusError.input(
        "the weight of sample \(index / (weights.count / count))\(place) is \(weights.doubles()[index])",
        help: "weights are finite and at least 0")
    }
  }

  /// Compares the labels of a data set with the model's classes, if the loss takes class numbers.
  /// - Throws: `ApusError` that names the file, and the first sample whose label is not a class.
  package func checkLabels(of data: Dataset) throws {
    guard loss.takesClassNumbers, !loss.takesOtherLabels, let classes = outputTypes[0].shape.dims.last?.number else {
      return
    }
    try data.checkLabels(classes: classes, of: "the model")
  }
}

extension DType {
  /// Whether data of type `other` may be fed where this type is declared: floating inputs take all numbers, integer
  /// inputs narrower integers.
  fileprivate func takesNumbers(of other: DType) -> Bool {
    self == other || isFloating && other.isNumeric || isInteger && other.isInteger && other.byteCount < byteCount
  }
}

extension Tensor {
  /// The position of the first finite `f64` that is infinite as an `f32`.
  fileprivate var firstBeyondFloat: Int? {
    withElements(as: Double.self) { elements in
      elements.firstIndex { $0.isFinite && !Float($0).isFinite }
    }
  }
}
