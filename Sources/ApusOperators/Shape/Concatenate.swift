import ApusCore
import ApusGraph

/// Tensors one after the other along an axis.
public struct Concatenate: Operator {
  public var axis = 0

  public init() {}
  public init(_ axis: Int) { self.axis = axis }

  public static let record = OperatorRecord(
    "concatenate", .shape, "tensors one after the other along an axis",
    operands: [OperandRecord("x", .any), OperandRecord("more", .any, repetition: .any)],
    attributes: [attribute("axis", \.axis, "the axis along which they follow each other")], traits: .movesData)

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    let first = operands[0]
    let axis = try Axis.normalized(axis, rank: first.rank)
    var total = 0
    for (position, type) in operands.enumerated() {
      guard type.dtype == first.dtype, type.rank == first.rank else {
        throw TypeError("\(type) cannot follow \(first): element type and rank must agree", operand: position)
      }
      for other in 0..<first.rank where other != axis && type.shape[other] != first.shape[other] {
        throw TypeError("\(type) cannot follow \(first) along axis \(axis): axis \(other) differs", operand: position)
      }
      guard let n = type.shape[axis].number else {
        if operands.count == 1 { return [first] }
        throw TypeError("axis \(axis) of \(type) has a symbolic size, which has no sum", operand: position)
      }
      total += n
    }
    var shape = first.shape
    shape[axis] = .number(total)
    return [first.with(shape: shape)]
  }

  // Each operand's own part of the cotangent.
  public func gradient(_ context: GradientContext) throws -> [Value?] {
    let g = try context.cotangent
    if context.operands.count == 1 { return [g] }
    let axis = try Axis.normalized(axis, rank: g.rank)
    var start = 0
    return try zip(context.operands, context.wanted).map { operand, wanted in
      let from = start
      start += operand.shape[axis].number ?? 0
      return wanted ? try g.sliced(axis: axis, from: from, to: start) : nil
    }
  }

  public func isIdentity(_ operands: [TensorType], _ results: [TensorType]) -> Bool { operands.count == 1 }
}

/// `values` one after the other along `axis`.
/// - Throws: `ApusError` if there are none, or their shapes do not agree.
public func concatenate(_ values: [Value], axis: Int) throws -> Value {
  guard let first = values.first else { throw ApusError.input("concatenate needs at least one value") }
  return try first.builder.append(Concatenate(axis), values)[0]
}
