import ApusCore
import ApusData
import ApusGraph
import ApusOperators

/// What fits what: data to a model's input, targets to its output.
extension Trainer {
  /// Samples in the shape of the model's input, of their own element type.
  /// - Throws: `ApusError` that names both shapes where the element counts differ, or both types where the model's input
  ///   cannot hold the data's numbers.
  func fitted(_ inputs: Tensor) throws -> Tensor {
    let sample = input.shape.dims.dropFirst().map { $0.number ?? 0 }
    let given = Array(inputs.dimensions.dropFirst())
    guard inputs.rank >= 1, Shape.elementCount(sample) == Shape.elementCount(given) else {
      throw ApusError.input(
        "the model's input is \(Shape(sample)) a sample, but the data has \(Shape(given))",
        help: "shapes with as many elements are reshaped: 28×28, 28×28×1 and 784 are the same to a model")
    }
    guard input.dtype.takesNumbers(of: inputs.dtype) else {
      throw ApusError.input(
        "the model's input is of type \(input.dtype), which does not hold the data's \(inputs.dtype)",
        help: "declare the input as \(inputs.dtype) and cast in the graph")
    }
    return try inputs.reshaped([inputs.dimensions[0]] + sample)
  }

  /// Checks targets against samples and outputs before anything is computed.
  /// - Throws: `ApusError` that names the first sample whose label is no class of the model.
  func check(_ inputs: Tensor, _ targets: Tensor) throws {
    guard let count = inputs.dimensions.first, count > 0 else { throw ApusError.input("there are no samples") }
    guard targets.rank >= 1, count == targets.dimensions[0] else {
      throw ApusError.input("\(count) samples have \(targets.dimensions.first ?? 0) targets")
    }
    guard loss.takesClassNumbers, let classes = output.shape.dims.last?.number else { return }
    guard targets.dtype.isInteger else {
      throw ApusError.input("labels of \(loss.name) must be integers, not \(targets.dtype)")
    }
    let labels = targets.doubles()
    for (index, label) in labels.enumerated() where label < 0 || label >= Double(classes) {
      throw ApusError.input(
        "sample \(index / (labels.count / count)) has the label \(Int(label)), but the model has \(classes) outputs",
        help: "labels are 0 … \(classes - 1)")
    }
  }

  /// Compares the inputs of a data set with the model's.
  /// - Throws: `ApusError` that lists the inputs, if they have names; else as `fit`.
  package func checkInputs(of data: Dataset) throws {
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

  /// Compares the labels of a data set with the model's classes, if the loss takes class numbers.
  /// - Throws: `ApusError` that names the file, and the first sample whose label is no class.
  package func checkLabels(of data: Dataset) throws {
    guard loss.takesClassNumbers, let classes = output.shape.dims.last?.number else { return }
    try data.checkLabels(classes: classes, of: "the model")
  }

  /// The type under which targets are declared in a graph.
  func targetType(_ targets: Tensor) -> TensorType {
    TensorType(targets.dtype, Shape([input.shape[0]] + targets.dimensions.dropFirst().map(Dim.number)))
  }
}

extension DType {
  /// Whether data of type `other` may be fed where this type is declared: floating inputs take all numbers, integer
  /// inputs narrower integers.
  fileprivate func takesNumbers(of other: DType) -> Bool {
    self == other || isFloating && other.isNumeric || isInteger && other.isInteger && other.byteCount < byteCount
  }
}

extension Graph {
  /// This forward graph with its input declared as `dtype` and cast to the type it had: bytes stay bytes until a step
  /// needs them.
  func accepting(_ dtype: DType) throws -> Graph {
    let input = try singleInput()
    let declared = type(of: input)
    guard declared.dtype != dtype else { return self }
    return try rewritten { node, _, builder in
      guard node.result == input, let parameter = node.op as? Parameter else { return .keep }
      return .replace([
        try builder.parameter(parameter.label, dtype, declared.shape).cast(to: declared.dtype).id
      ])
    }
  }
}
