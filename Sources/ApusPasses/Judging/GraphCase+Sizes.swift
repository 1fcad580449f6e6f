import ApusCore
import ApusGraph
import ApusInterpreter
import ApusOperators

/// Smaller shapes, plainer numbers and shorter names.
extension GraphCase {
  /// Sizes of dimensions, the largest first.
  var sizes: [Int] {
    let all = graph.nodes.flatMap { graph.resultTypes(of: $0) }.flatMap { $0.shape.dims.compactMap(\.number) }
    return Set(all.filter { $0 > 1 }).sorted(by: >)
  }

  /// Every dimension of this size smaller: in the text, in which sizes of types and attributes are in brackets.
  func resized(_ size: Int, to smaller: Int) throws -> GraphCase? {
    let word = String(size)
    guard let small = graph.replacingWords({ $1 > 0 && $0 == word ? String(smaller) : nil }) else { return nil }
    var values: [String: Tensor] = [:]
    for id in small.parameters + small.variables.map(\.id) where hasValues {
      guard let name = small.name(of: id), let old = self.values[name] else { return nil }
      values[name] = try old.cropped(to: small.type(of: id).shape.numbers ?? [])
    }
    return try GraphCase(graph: small, values: hasValues ? values : nil).pruned(small)
  }

  /// All elements of an input the same.
  func filling(_ name: String, _ number: Double) throws -> GraphCase? {
    guard let old = values[name] else { return nil }
    let new = try Tensor(repeating: number, old.dtype, old.dimensions)
    guard new != old else { return nil }
    var result = self
    result.values[name] = new
    return result
  }

  /// A constant that repeats one number, which has a short text that any shape fits.
  func flattening(_ position: Int, at number: Double) throws -> GraphCase? {
    guard let constant = graph.nodes[position].op as? Constant else { return nil }
    let plain = try Tensor(repeating: number, constant.value.dtype, constant.value.dimensions)
    // One that repeats a number already is no simpler with another.
    let elements = constant.value.doubles()
    guard plain != constant.value, elements.contains(where: { $0 != elements[0] }) else { return nil }
    return try pruned(
      graph.rewritten(sharingEqualNodes: false) { node, _, builder in
        node.id.index == position ? .replace([try builder.constant(plain).id]) : .keep
      })
  }

  /// Parameters that cuts have made, as `x0`, `x1` and so on.
  func renamed() -> GraphCase? {
    let names = (graph.parameters + graph.variables.map(\.id)).compactMap { graph.name(of: $0) }
    let taken = Set(graph.nodes.flatMap(\.results).compactMap { graph.name(of: $0) })
    var new: [String: String] = [:]
    var next = 0
    for name in names where name.hasPrefix("cut") {
      while taken.contains("x\(next)") { next += 1 }
      new[name] = "x\(next)"
      next += 1
    }
    guard !new.isEmpty,
      let graph = graph.replacingWords({ word, _ in
        word.hasPrefix("%") ? new[String(word.dropFirst())].map { "%" + $0 } : nil
      })
    else { return nil }
    return GraphCase(
      graph: graph,
      values: hasValues ? Dictionary(uniqueKeysWithValues: values.map { (new[$0.key] ?? $0.key, $0.value) }) : nil)
  }
}

extension Tensor {
  /// The elements at the lowest positions along each axis.
  fileprivate func cropped(to sizes: [Int]) throws -> Tensor {
    if sizes == dimensions { return self }
    let builder = GraphBuilder("crop")
    let x = try builder.constant(self)
    let y = try x.sliced(starts: sizes.map { _ in 0 }, limits: sizes)
    return try Interpreter(builder.build([y])).run([], variables: []).outputs[0]
  }
}
