import Apus
import ApusOperators

/// An operator's gradient against central differences in double precision, at the operands of its reference cases.
struct GradientAudit {
  let type: any Operator.Type
  let cases: [ReferenceCase]

  init(_ type: any Operator.Type, _ cases: [ReferenceCase]) {
    self.type = type
    self.cases = cases
  }

  /// Larger cases add time and no insight.
  private static let mostElements = 64
  /// Second derivatives cost a gradient an element, so a few small cases must do.
  private static let mostElementsTwice = 16, mostCasesTwice = 4

  func outcome() throws -> OperatorAudit.Outcome {
    guard type.record.operands.contains(where: { !$0.dtypes.isDisjoint(with: .floating) }) else {
      return .passed("no floating operand")
    }
    let candidates = cases.filter {
      $0.inputs.contains(where: \.isFloating) && $0.outputs.contains(where: \.isFloating)
    }
    guard !candidates.isEmpty else { return try reasonForNone() }
    if type == StopGradient.self { return try blocksEverything(candidates) }
    let smooth = candidates.filter(\.isSmooth)
    let chosen = smooth.filter { $0.inputs.reduce(0) { $0 + $1.data.count } <= GradientAudit.mostElements }
    // Empty operands have an empty gradient: right, but no evidence.
    guard chosen.contains(where: { $0.inputs.contains { $0.isFloating && $0.data.count > 1 } }) else {
      return .failed(["no reference case at which differences could check its gradient"])
    }
    // One element a case says enough.
    let again = chosen.filter { reference in
      let count = reference.inputs.reduce(0) { $0 + ($1.isFloating ? $1.data.count : 0) }
      return count > 1 && count <= GradientAudit.mostElementsTwice
    }.prefix(GradientAudit.mostCasesTwice)
    guard !again.isEmpty else {
      return .failed(["no reference case of 2 to \(GradientAudit.mostElementsTwice) elements for the second derivative"]
      )
    }
    let faults = try [(1, chosen), (2, Array(again))].flatMap { order, cases in
      try cases.flatMap { reference in
        try mismatches(reference, order: order).prefix(1).map { "\(reference), order \(order): \($0)" }
      }
    }
    return faults.isEmpty ? .passed("\(chosen.count) against differences, \(again.count) twice") : .failed(faults)
  }

  /// Differences in every element of every floating operand; the others are constants.
  private func mismatches(_ reference: ReferenceCase, order: Int) throws -> [String] {
    let tensors = try reference.inputs.map { try $0.tensor() }
    let doubles = try tensors.filter(\.dtype.isFloating).map { try Tensor($0.doubles(), $0.dimensions) }
    return try gradientMismatches(doubles, order: order) { builder, parameters in
      var next = 0
      let operands = try tensors.map { tensor in
        guard tensor.dtype.isFloating else { return try builder.constant(tensor) }
        next += 1
        return parameters[next - 1]
      }
      let results = try append(reference, operands, builder)
      let floating = try results.filter(\.dtype.isFloating).map { try $0.reshaped(dims: [$0.shape.elementCount ?? 0]) }
      return try concatenate(floating, axis: 0)
    }
  }

  private func append(_ reference: ReferenceCase, _ operands: [Value], _ builder: GraphBuilder) throws -> [Value] {
    guard let node = try Graph.parse(reference.text(inDoublePrecision: true)).first?.nodes.last else { return [] }
    if let mode = reference.mode.flatMap(Mode.init), let op = node.op as? any ModeDependentOperator {
      return try op.bound(to: mode, operands, step: nil, builder)
    }
    return try builder.append(node.op, operands)
  }

  /// Results that are positions or truth values have no gradient, and the rule says so.
  private func reasonForNone() throws -> OperatorAudit.Outcome {
    guard let reference = cases.first else { return .failed(["no reference case to ask its gradient rule at"]) }
    let (op, context) = try context(reference)
    do {
      _ = try op.gradient(context)
      return .failed(["its results are not floating, but its gradient rule does not throw NotDifferentiable"])
    } catch let error as NotDifferentiable {
      return error.reason.isEmpty ? .failed(["NotDifferentiable without a reason"]) : .passed("none: \(error.reason)")
    }
  }

  /// The one operator whose gradient is not its derivative.
  private func blocksEverything(_ cases: [ReferenceCase]) throws -> OperatorAudit.Outcome {
    for reference in cases {
      let (op, context) = try context(reference)
      guard try op.gradient(context).allSatisfy({ $0 == nil }) else { return .failed(["a gradient flows through it"]) }
    }
    return .passed("none, by definition: \(cases.count) cases")
  }

  /// What the gradient rule is told, with cotangents of zero.
  private func context(_ reference: ReferenceCase) throws -> (any Operator, GradientContext) {
    let builder = GraphBuilder()
    let operands = try reference.inputs.map { try builder.constant($0.tensor()) }
    guard let op = try Graph.parse(reference.text).first?.nodes.last?.op else {
      throw ApusError.defect("a reference case without a node")
    }
    let results = try builder.append(op, operands)
    let cotangents = try results.map { result in
      try builder.constant(Tensor(zeros: result.dtype, result.shape.numbers ?? []))
    }
    return (
      op,
      GradientContext(
        builder: builder, operands: operands, results: results, regions: [], cotangents: cotangents,
        wanted: operands.map { _ in true }, differentiator: NoRegions())
    )
  }

  private struct NoRegions: RegionDifferentiator {
    func cotangents(
      of region: Graph, values: [ValueID?], seeds: [Value?], parameters: [Int], in builder: GraphBuilder
    ) throws -> [Value?] { throw ApusError.defect("an operator without regions differentiates one") }
  }
}

extension JSONTensor {
  fileprivate var isFloating: Bool { type.dtype.isFloating }
}

extension ReferenceCase {
  /// No kink, no jump, nothing infinite, and nothing so large that differences lose the digits they are made of.
  fileprivate var isSmooth: Bool {
    gradient != false
      && (inputs + outputs).allSatisfy { !$0.isFloating || $0.data.allSatisfy { abs($0.double) <= 1000 } }
  }
}
