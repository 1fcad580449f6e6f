import ApusCore
import ApusGraph
import ApusOperators
import Synchronization

/// A tensor of a model that is being written: an input, or the result of a layer.
///
///     let x = Input([32, 32, 3])
///     let y = Conv2D(8, kernelSize: 3, padding: .same)(x)
///     let model = try Model(x, GlobalAveragePooling2D()(Concatenate()([x, y])))
///
/// Applying a layer computes nothing and cannot fail: `Model` builds the graph, and says which layer does not fit.
public struct SymbolicTensor: Sendable {
  let call: LayerCall
  /// Which output of the layer this is.
  let index: Int

  init(_ call: LayerCall, output index: Int = 0) { (self.call, self.index) = (call, index) }

  /// An input of a model.
  /// - Parameters:
  ///   - shape: of one sample, without the batch.
  ///   - batchSize: of all batches, if a layer keeps states from one to the next; else nil, for batches of any size.
  ///   - dtype: the element type of the samples.
  ///   - name: the name that it is fed by; nil for an automatic one: `input_layer`, `input_layer_1`.
  public init(_ shape: [Int], batchSize: Int? = nil, dtype: DType = .f32, name: String? = nil) {
    self.init(LayerCall(InputLayer(shape: shape, batchSize: batchSize, dtype: dtype, name: name), []))
  }
}

/// How an input is written: `let x = Input([224, 224, 3])`.
public typealias Input = SymbolicTensor

/// A layer applied to tensors.
final class LayerCall: Sendable {
  let layer: any ModelLayer
  let inputs: [SymbolicTensor]
  /// Grows with each call in the process, so that a call follows its inputs. Only the order matters.
  let serial: Int

  private static let nextSerial = Atomic<Int>(0)

  init(_ layer: any ModelLayer, _ inputs: [SymbolicTensor]) {
    self.layer = layer
    self.inputs = inputs
    serial = LayerCall.nextSerial.wrappingAdd(1, ordering: .relaxed).oldValue
  }

  var isInput: Bool { layer is InputLayer }

  /// All that the layer gives.
  var outputs: [SymbolicTensor] { (0..<layer.outputCount).map { SymbolicTensor(self, output: $0) } }

  /// The same for all calls of one layer.
  var layerIdentity: ObjectIdentifier {
    (layer as? any SharedLayer).map { ObjectIdentifier($0) } ?? ObjectIdentifier(self)
  }

  /// The calls that `outputs` depend on, themselves included, in the order in which they were made.
  static func reachable(from outputs: [LayerCall]) -> [LayerCall] {
    var found: [ObjectIdentifier: LayerCall] = [:]
    var open = outputs
    while let call = open.popLast() {
      if found.updateValue(call, forKey: ObjectIdentifier(call)) == nil { open += call.inputs.map(\.call) }
    }
    return found.values.sorted { $0.serial < $1.serial }
  }
}

/// Declares the parameter of an input; the batch is a symbol unless its size is fixed.
struct InputLayer: ModelLayer {
  static let typeName = "InputLayer"
  let shape: [Int]
  let batchSize: Int?
  let dtype: DType
  let name: String?

  private var type: TensorType {
    TensorType(dtype, Shape([batchSize.map(Dim.number) ?? .symbol("batch")] + shape.map(Dim.number)))
  }

  /// The input of a model inside another one: what that one gives it.
  /// - Throws: `ApusError` that names the input if `x` has another shape, or an element type that does not become this one.
  func accepting(_ x: Value, _ context: LayerContext) throws -> Value {
    let isFitting = x.dtype == dtype || dtype.isFloating
    guard x.rank == shape.count + 1, x.shape.dims.dropFirst().map(\.number) == shape, isFitting,
      batchSize == nil || x.shape[0].number == batchSize
    else {
      throw context.error("the model declares \(type), but is given \(x.type)")
    }
    return try x.cast(to: dtype)
  }

  func build(_ inputs: [Value], _ context: LayerContext) throws -> Value {
    if let batchSize { try context.requirePositive(batchSize, "the size of the batch") }
    return try context.builder.parameter(context.name, dtype, type.shape)
  }
}
