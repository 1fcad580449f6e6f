import ApusCore
import ApusGraph

extension Graph {
  /// The same graph in double precision: the types become f64, those of attributes, constants and regions too. Values keep
  /// their ids. Constants of one element become what they were written as.
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
      guard widens(constant.value.dtype) else { return op }
      return Constant(try constant.value.count == 1 ? constant.value.asWritten() : constant.value.inDoublePrecision())
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
  /// Single-precision numbers as the numbers that they were written as, 0.1 as the f64 nearest to 0.1: a pass that states
  /// an attribute of an operator, such as ε, as a constant has not changed it.
  fileprivate func asWritten() throws -> Tensor {
    guard dtype == .f32 else { return try inDoublePrecision() }
    return try Tensor(elements(as: Float.self).map { Double($0.description) ?? Double($0) }, dimensions)
  }

  /// Floating-point numbers as f64; others as they are.
  package func inDoublePrecision() throws -> Tensor { dtype.isFloating ? try Tensor(self, as: Double.self) : self }
}
