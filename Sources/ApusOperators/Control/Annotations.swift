import ApusCore
import ApusGraph

/// Forwards its first operand, and says that the models it is part of have a loss besides that of their outputs: what a
/// layer's activity regularizer adds. Training steps and evaluations add it to theirs; elsewhere it is not computed.
public struct AddLoss: CompositeOperator {
  public init() {}

  public static let record = OperatorRecord(
    "add_loss", .control, "x unchanged; training and evaluation add a number to their loss",
    operands: [OperandRecord("x", .any), OperandRecord("loss", .floating, "a scalar that is added to the loss")])

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    guard operands[1].shape.isScalar else {
      throw TypeError(
        "what is added to a loss is a scalar, not \(operands[1])", operand: 1, help: "its mean, or its sum")
    }
    return [operands[0]]
  }

  public func expand(_ operands: [Value], _ builder: GraphBuilder) throws -> [Value] { [operands[0]] }
}

/// Forwards its first operand, and says which of its steps count: losses and metrics of an output leave the others out.
public struct WithMask: CompositeOperator {
  public init() {}

  public static let record = OperatorRecord(
    "with_mask", .control, "x unchanged; losses and metrics of an output leave out what a mask does not count",
    operands: [
      OperandRecord("x", .any), OperandRecord("mask", .boolean, "true for what counts; its axes are the first of x"),
    ])

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    let (x, mask) = (operands[0].shape.dims, operands[1].shape.dims)
    guard mask.count <= x.count, mask == Array(x.prefix(mask.count)) else {
      throw TypeError("the mask \(operands[1]) does not have the first axes of \(operands[0])", operand: 1)
    }
    return [operands[0]]
  }

  public func expand(_ operands: [Value], _ builder: GraphBuilder) throws -> [Value] { [operands[0]] }
}

extension Value {
  /// This value; models with it add `loss`, a scalar, to the loss that they are trained with.
  public func adding(loss: Value) throws -> Value { try builder.append(AddLoss(), [self, loss])[0] }

  /// This value; if it is an output, its losses and metrics leave out what `mask` does not count.
  /// - Parameter mask: truth values, whose axes are the first of this value.
  public func masked(by mask: Value) throws -> Value { try builder.append(WithMask(), [self, mask])[0] }
}

extension Graph {
  /// The value that an `add_loss` or `with_mask` forwards, through several of them; any other value itself.
  package func unannotated(_ value: ValueID) -> ValueID {
    var value = value
    while producer(of: value).op is AddLoss || producer(of: value).op is WithMask {
      value = producer(of: value).operands[0]
    }
    return value
  }

  /// The mask of a value that `with_mask` made; nil if it has none.
  package func mask(of value: ValueID) -> ValueID? {
    var value = value
    while true {
      let node = producer(of: value)
      if node.op is WithMask { return node.operands[1] }
      guard node.op is AddLoss else { return nil }
      value = node.operands[0]
    }
  }
}
