import ApusCore
import ApusGraph

extension Graph {
  /// The same graph in double precision: all floating-point types are f64, those of attributes, constants and regions too.
  /// Values keep their ids.
  /// - Throws: `ApusError` if an operator does not compute in double precision.
  func carriedInDoublePrecision() throws -> Graph {
    try rewritten(sharingEqualNodes: false) { node, operands, builder in
      .replace(
        try builder.append(
          Self.inDoublePrecision(node.op), operands,
          regions: try node.regions.map { try $0.carriedInDoublePrecision() },
          names: names(of: node), origin: node.origin))
    }
  }

  private static func inDoublePrecision(_ op: any Operator) throws -> any Operator {
    if let constant = op as? Constant { return Constant(try constant.value.inDoublePrecision()) }
    if var declaration = op as? any DeclarationOperator {
      if declaration.type.dtype.isFloating { declaration.type = TensorType(.f64, declaration.type.shape) }
      return declaration
    }
    return op.record.attributes.reduce(op) { op, attribute in
      guard attribute.kind == DType.attributeKind, case .name(let name)? = attribute.read(op),
        DType(rawValue: name)?.isFloating == true
      else { return op }
      return attribute.write(op, .name(DType.f64.rawValue)) ?? op
    }
  }
}

extension Tensor {
  /// Floating-point numbers as f64; others as they are.
  func inDoublePrecision() throws -> Tensor { dtype.isFloating ? try Tensor(self, as: Double.self) : self }
}
