import ApusCore
import ApusGraph

/// A convolution, or a gradient of one, that Winograd's algorithm can compute.
public struct TunableLayer: Sendable {
  let op: any Operator
  let operands: [TensorType]
  /// The operand that is the same in all runs, whose transform is computed once.
  let fixedOperand: Int?

  /// What distinguishes it: layers of one text take the same time. As in
  /// `convolution(f32[1, 56, 56, 64], fixed f32[3, 3, 64, 64], strides: [1, 1], padding: same)`.
  public var text: String {
    let values = operands.enumerated().map { ($0 == fixedOperand ? "fixed " : "") + "\($1)" }
    return "\(op.name)(" + (values + op.attributeTexts.map { "\($0): \($1)" }).joined(separator: ", ") + ")"
  }

  /// A graph that computes it alone.
  public func graph() throws -> Graph {
    let builder = GraphBuilder("layer")
    let values = try operands.enumerated().map { position, type in
      position == fixedOperand
        ? try builder.variable("operand\(position)", type.dtype, type.shape, .glorotUniform)
        : try builder.parameter("operand\(position)", type.dtype, type.shape)
    }
    return try builder.build(builder.append(op, values))
  }
}
