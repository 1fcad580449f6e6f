import ApusCore
import ApusGraph

extension Graph {
  /// The same graph in double precision: the types become f64, those of attributes, constants and regions too. Values keep
  /// their ids.
  /// - Parameter dtypes: which types become f64; all floating-point types if nil.
  /// - Throws: `ApusError` if an operator does not compute in double precision.
  package func inDoublePrecision(_ dtypes: Set<DType>? = nil) throws -> Graph {
    func widens(_ dtype: DType) -> Bool { dtypes?.contains(dtype) ?? dtype.isFloating }
    return try rewritten(sharingEqualNodes: false) { node, operands, builder in
      .replace(
        try builder.append(
          Self.widened(node.op, widens), operands,
          regions: try node.regions.map { try $0.inDoublePrecision(dtypes) },
          names: names(of: node), origin: node.origin))
    }
  }

  private static func widened(_ op: any Operator, _ widens: (DType) -> Bool) throws -> any Operator {
    if let constant = op as? Constant {
      return widens(constant.value.dtype) ? Constant(try constant.value.inDoublePrecision()) : op
    }
    if var declaration = op as? any DeclarationOperator {
      if widens(declaration.type.dtype) { declaration.type = TensorType(.f64, declaration.type.shape) }
      return declaration
    }
    return op.record.attributes.reduce(op) { op, attribute in
      guard attribute.kind == DType.attributeKind, case .name(let name)? = attribute.read(op),
        let dtype = DType(rawValue: name), widens(dtype)
      else { return op }
      return attribute.write(op, .name(DType.f64.rawValue)) ?? op
    }
  }
}

extension Tensor {
  /// Floating-point numbers as f64; others as they are.
  package func inDoublePrecision() throws -> Tensor { dtype.isFloating ? try Tensor(self, as: Double.self) : self }
}
