import ApusCore
import ApusGraph
import ApusOperators
import ApusPresentation

/// The builder, name and call that a layer is built for.
public struct LayerContext {
  public let builder: GraphBuilder
  /// The layer's name in this model; inside another model or layer with that one's name before it: `encoder/dense`.
  public let name: String
  /// Which call of the layer this is; above 0 only if it is `Shared`.
  public let callIndex: Int
  /// Whether training may change the layer's variables: false inside a frozen layer or model.
  public let isTrainable: Bool
  /// What the layers of the whole model share.
  let assembly: AssemblyState
  /// If the layer is the body of a loop, the variables that the loop must hand to it.
  private let region: RegionVariables?

  init(
    builder: GraphBuilder, name: String, callIndex: Int = 0, isTrainable: Bool = true, assembly: AssemblyState? = nil,
    region: RegionVariables? = nil
  ) {
    (self.builder, self.name, self.callIndex, self.isTrainable) = (builder, name, callIndex, isTrainable)
    (self.assembly, self.region) = (assembly ?? AssemblyState(builder), region)
  }

  /// A weight, named `<layer>/<name>`. Later calls of a shared layer get the variable of the first call.
  /// - Throws: `ApusError` that names the layer if this call needs another type than the first.
  /// - Parameters:
  ///   - regularizer: what it adds to the loss while it is trained.
  ///   - constraint: what it is brought back to after each step of an optimizer.
  public func variable(
    _ name: String, _ dtype: DType, _ shape: Shape, _ initializer: Initializer, trainable: Bool = true,
    regularizer: Regularizer? = nil, constraint: Constraint? = nil
  ) throws -> Value {
    let declaration = Variable(
      "\(self.name)/\(name)", TensorType(dtype, shape), initializer, trainable: trainable && isTrainable,
      regularizer: regularizer, constraint: constraint)
    if let region { return try region.parameter(for: declaration) }
    return try declared(declaration)
  }

  /// The variable of a declaration; that of the first call if the layer is shared.
  private func declared(_ new: Variable) throws -> Value {
    guard callIndex > 0, let known = builder.graph.variables.first(where: { $0.declaration.label == new.label }) else {
      return try builder.variable(
        new.label, new.type.dtype, new.type.shape, new.initializer, trainable: new.trainable,
        regularizer: new.regularizer, constraint: new.constraint)
    }
    guard known.declaration.type == new.type else {
      throw error(
        "its variable '\(new.label.split(separator: "/").last ?? "")' is a \(known.declaration.type) since its first "
          + "call, but call \(callIndex + 1) needs a \(new.type)",
        help: "a shared layer takes inputs of one size; give another size a layer of its own")
    }
    return builder.value(known.id)
  }

  /// An error that names the layer.
  public func error(_ message: String, help: String? = nil) -> ApusError {
    .input("layer '\(name)': \(message)", help: help)
  }

  // MARK: Layers inside layers

  /// The context of a layer inside this one, whose variables are named `<this layer>/<name>/…`.
  public func inner(_ name: String) -> LayerContext {
    inner(name, callIndex: callIndex, isTrainable: isTrainable)
  }

  func inner(_ name: String, callIndex: Int, isTrainable: Bool) -> LayerContext {
    LayerContext(
      builder: builder, name: "\(self.name)/\(name)", callIndex: callIndex, isTrainable: isTrainable,
      assembly: assembly, region: region)
  }

  /// This context for variables that training leaves alone.
  var frozen: LayerContext {
    LayerContext(
      builder: builder, name: name, callIndex: callIndex, isTrainable: false, assembly: assembly, region: region)
  }

  /// A region whose nodes a layer appends: the body of a loop.
  /// - Parameters:
  ///   - parameters: the region's own, named x0, x1, ….
  ///   - body: gets a context for layers inside the region, and returns the region's outputs.
  /// - Returns: the region, which takes its own parameters and then `variables`; these are in this context's graph.
  func region(
    _ parameters: [TensorType], _ body: ([Value], LayerContext) throws -> [Value]
  ) throws -> (region: Graph, variables: [Value]) {
    let inside = GraphBuilder("body")
    let arguments = try parameters.enumerated().map { position, type in
      try inside.parameter("x\(position)", type.dtype, type.shape)
    }
    let variables = RegionVariables(inside)
    let context = LayerContext(
      builder: inside, name: name, callIndex: callIndex, isTrainable: isTrainable, assembly: assembly,
      region: variables)
    let outputs = try body(arguments, context)
    let graph = try inside.build(outputs)
    let outer = try variables.declarations.map { declaration in
      if let region { return try region.parameter(for: declaration) }
      return try declared(declaration)
    }
    return (graph, outer)
  }

  // MARK: Losses

  /// `x`, whose layer adds a number to the loss of the models that it is part of, as `add_loss` does in Keras. The layer
  /// returns the result in place of `x`.
  /// - Parameter loss: a scalar. It is not multiplied by weights of samples or outputs.
  /// - Throws: `ApusError` that names the layer if it is the body of a loop, or `loss` is not a scalar.
  public func addLoss(_ loss: Value, to x: Value) throws -> Value {
    guard x.builder === assembly.builder else {
      throw error("inside a loop a layer cannot add to the loss", help: "apply it outside of TimeDistributed")
    }
    // Equal nodes become one; an equal addition of another call counts as well, so it follows that one.
    let count = x.builder.graph.nodes.count
    var y = x
    repeat { y = try y.adding(loss: loss) } while x.builder.graph.nodes.count == count
    setMask(mask(of: x), of: y)
    return y
  }

  /// `x`, which adds what a regularizer says of it to the loss: per sample, as in Keras.
  func penalized(_ x: Value, by regularizer: Regularizer?) throws -> Value {
    guard let regularizer else { return x }
    if let fault = regularizer.fault(x.type) { throw error("its activity: \(fault)") }
    let penalty = try regularizer.penalty(x)
    guard x.rank > 0 else { return try addLoss(penalty, to: x) }
    return try addLoss(penalty / x.size(axis: 0).cast(to: penalty.dtype).maximum(1), to: x)
  }

  // MARK: Masks

  /// Which steps of `x` count, `bool[batch, time]`; nil if all do.
  public func mask(of x: Value) -> Value? { x.builder === assembly.builder ? assembly.masks[x.id] : nil }

  /// States which steps of `x` count: recurrent layers keep their state in the others, and means leave them out.
  /// - Parameters:
  ///   - mask: `bool[batch, time]`; nil if all steps count.
  public func setMask(_ mask: Value?, of x: Value) {
    if x.builder === assembly.builder { assembly.masks[x.id] = mask }
  }

  /// Gives `outputs` the mask of `inputs`, if they have the same steps; of several inputs the steps that count in any, as
  /// in Keras. A layer that has set a mask itself keeps it.
  func passMask(of inputs: [Value], to outputs: [Value]) throws {
    guard let first = inputs.first, first.builder === assembly.builder else { return }
    let masks = inputs.compactMap(mask(of:))
    guard masks.count == inputs.count, let mask = masks.first else { return }
    for output in outputs
    where output.rank >= 3 && Array(output.shape.dims.prefix(2)) == mask.shape.dims && self.mask(of: output) == nil {
      guard masks.allSatisfy({ $0.type == mask.type }) else { return }
      setMask(try masks.dropFirst().reduce(mask) { try $0.id == $1.id ? $0 : $0.or($1) }, of: output)
    }
  }
}

/// What the layers of a model, and of the models inside it, share while its graph is built.
final class AssemblyState {
  let builder: GraphBuilder
  /// How often each layer was called so far, by its full name.
  var callCounts: [String: Int] = [:]
  /// Which steps of a value count.
  var masks: [ValueID: Value] = [:]
  /// The rows of a model inside the model, by its full name.
  var nestedRows: [String: [SummaryTable.Row]] = [:]
  /// The weights of models inside the model, with what the names of their variables begin with.
  var trainedParts: [(prefix: String, weights: ModelWeights)] = []

  init(_ builder: GraphBuilder) { self.builder = builder }
}

/// Variables that layers in a region ask for. A region sees its parameters only, so each becomes one.
final class RegionVariables {
  private let builder: GraphBuilder
  private(set) var declarations: [Variable] = []
  private var parameters: [Value] = []

  init(_ builder: GraphBuilder) { self.builder = builder }

  /// The parameter that stands for a variable.
  func parameter(for declaration: Variable) throws -> Value {
    if let known = declarations.firstIndex(where: { $0.label == declaration.label }) { return parameters[known] }
    let value = try builder.parameter(declaration.label, declaration.type.dtype, declaration.type.shape)
    declarations.append(declaration)
    parameters.append(value)
    return value
  }
}
