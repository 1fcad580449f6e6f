import ApusCore
import ApusGraph
import ApusOperators

/// What a graph needs to be a model.
extension Graph {
  /// The inputs of a model: parameters with a symbolic first dimension; or a fixed one, if the model keeps states from
  /// batch to batch.
  /// - Throws: `ApusError` that names the input which is not so.
  func modelInputs() throws -> [ValueID] {
    let parameters = self.parameters
    guard !parameters.isEmpty else { throw ApusError.input("a model has inputs, but graph @\(name) has none") }
    let batch = updates.isEmpty ? nil : type(of: parameters[0]).shape.dims.first
    for input in parameters {
      let dims = type(of: input).shape.dims
      guard let first = dims.first, first.symbol != nil || first == batch,
        dims.dropFirst().allSatisfy({ $0.number != nil })
      else {
        throw ApusError.input(
          "the input\(parameters.count > 1 ? " \(label(of: input))" : "") of graph @\(name) is a \(type(of: input))",
          help: "its first dimension must be a symbol, as batch, and the others numbers"
            + (parameters.allSatisfy { type(of: $0).shape.numbers != nil }
              ? "; only a model with states, as of stateful layers, has a batch of a fixed size" : ""))
      }
    }
    return parameters
  }

  /// The outputs of a model.
  /// - Throws: `ApusError` if there is none, or one is not of a floating type, batch first.
  func modelOutputs() throws -> [ValueID] {
    guard !outputs.isEmpty else { throw ApusError.input("a model has outputs, but graph @\(name) returns none") }
    let batch = type(of: try modelInputs()[0]).shape.dims.first
    for output in outputs {
      let type = type(of: output)
      guard type.dtype.isFloating, type.shape.dims.first == batch,
        type.shape.dims.dropFirst().allSatisfy({ $0.number != nil })
      else {
        throw ApusError.input(
          "the output\(outputs.count > 1 ? " \(label(of: output))" : "") of graph @\(name) is a \(type), which has no loss",
          help: "it must be of a floating type, with a row for each sample: f32[\(batch?.description ?? "batch"), …]")
      }
    }
    return outputs
  }

  /// The output of a model.
  /// - Throws: `ApusError` if there is not exactly one, of floating type, batch first.
  func singleOutput() throws -> ValueID {
    guard outputs.count == 1 else {
      throw ApusError.input("a model has one output, but graph @\(name) returns \(outputs.count)")
    }
    return try modelOutputs()[0]
  }

  /// The only input of a model.
  func singleInput() throws -> ValueID {
    let parameters = self.parameters
    guard parameters.count == 1 else {
      throw ApusError.input("a model has one input, but graph @\(name) has \(parameters.count)")
    }
    return try modelInputs()[0]
  }

  /// How many numbers a sample of the only input has, if it is a row of them; else nil.
  package var inputWidth: Int? {
    guard let input = try? singleInput(), type(of: input).shape.rank == 2 else { return nil }
    return type(of: input).shape.dims[1].number
  }

  /// How many ids the only input may hold, if something is looked up by it; else nil.
  package var idCount: Int? { (try? singleInput()).flatMap(indexLimit) }

  /// What the inputs are fed by.
  var inputNames: [String] { parameters.map { String(label(of: $0).dropFirst()) } }

  /// What the outputs are called: by the layer that makes each, or else by the value's own name. A second output of the
  /// same name is numbered.
  var outputNames: [String] {
    var names: [String] = []
    for (position, output) in outputs.enumerated() {
      let base =
        producer(of: output).origin.name ?? name(of: output) ?? (outputs.count == 1 ? "output" : "output_\(position)")
      names.append(NumberedName.unused(base, isTaken: { names.contains($0) }))
    }
    return names
  }

  /// This forward graph with its inputs declared as `dtypes` and cast to the types they had: bytes stay bytes until a
  /// step needs them.
  func accepting(_ dtypes: [DType]) throws -> Graph {
    let declared = Dictionary(uniqueKeysWithValues: zip(try modelInputs(), dtypes))
    guard declared.contains(where: { type(of: $0.key).dtype != $0.value }) else { return self }
    return try rewritten { node, _, builder in
      guard let parameter = node.op as? Parameter, let dtype = declared[node.result], dtype != parameter.type.dtype
      else { return .keep }
      return .replace([
        try builder.parameter(parameter.label, dtype, parameter.type.shape).cast(to: parameter.type.dtype).id
      ])
    }
  }
}
