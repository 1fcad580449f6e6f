import ApusCore
import ApusGraph

/// A model as a layer of another one. Written as the model itself: `encoder(x)`, or in the list of a `Sequential`.
///
/// Its variables are named `<model>/<layer>/<variable>`. As with any layer each call has variables of its own; a model for
/// several calls is `Shared(encoder)`.
///
/// - Inputs: what the model takes, batch first. Whole numbers and bytes become floats if it declares floats.
/// - Output: the model's first output; `outputs(of:)` gives all of them.
/// - Errors: the number of inputs, a shape or an element type differs from what the model declares.
public struct SubModel: Layer {
  public static let typeName = "Functional"
  /// The layers inside hand masks on, or drop them.
  public static let passesMask = false
  public let model: any LayeredModel

  public init(_ model: any LayeredModel) { self.model = model }

  /// A model that was not given a name gets an automatic one.
  public var name: String? { type(of: model).automaticName == model.name ? nil : model.name }
  public var displayedType: String { type(of: model).typeName }
  public var outputCount: Int { model.structure.outputs.count }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value { try buildOutputs([x], context)[0] }

  public func buildOutputs(_ inputs: [Value], _ context: LayerContext) throws -> [Value] {
    let structure = model.structure
    guard inputs.count == structure.inputs.count else {
      throw context.error("it takes \(structure.inputs.count) inputs, not \(inputs.count)")
    }
    context.assembly.trainedParts.append((context.name + "/", structure.weights))
    let assembly = try ModelAssembly(structure, inside: context, inputs: inputs)
    context.assembly.nestedRows[context.name] = assembly.rows
    return assembly.outputs
  }
}

extension LayeredModel {
  /// The model as a layer, applied to `x`.
  public func callAsFunction(_ x: SymbolicTensor) -> SymbolicTensor { SubModel(self)(x) }

  /// The model as a layer, applied to its inputs in their order; its first output.
  public func callAsFunction(_ inputs: [SymbolicTensor]) -> SymbolicTensor { outputs(of: inputs)[0] }

  /// All outputs of the model as a layer.
  public func outputs(of inputs: [SymbolicTensor]) -> [SymbolicTensor] { LayerCall(SubModel(self), inputs).outputs }
}

extension Shared where Wrapped == SubModel {
  /// One model for several calls.
  public convenience init(_ model: some LayeredModel) { self.init(SubModel(model)) }

  /// The model applied to its inputs in their order; its first output.
  public func callAsFunction(_ inputs: [SymbolicTensor]) -> SymbolicTensor { outputs(of: inputs)[0] }

  /// All outputs of the model.
  public func outputs(of inputs: [SymbolicTensor]) -> [SymbolicTensor] { LayerCall(self, inputs).outputs }
}
