import Apus
import ApusGraph
import ApusOperators
import ApusPasses

/// Makes a failing case small: what is left has nothing that can go without the failure going.
struct Shrinker {
  /// Whether a case still shows the failure.
  let fails: (FuzzCase) -> Bool
  /// The most cases to try.
  var limit = 600

  init(_ fails: @escaping (FuzzCase) -> Bool) { self.fails = fails }

  func shrunk(_ item: FuzzCase) -> FuzzCase {
    var best = item
    var tries = 0
    func attempt(_ candidate: @autoclosure () throws -> FuzzCase?) -> Bool {
      guard tries < limit, let smaller = try? candidate() else { return false }
      tries += 1
      guard fails(smaller) else { return false }
      best = smaller
      return true
    }
    var isSmaller = true
    while isSmaller, tries < limit {
      isSmaller = false
      for result in best.results where best.results.count > 1 {
        if attempt(try best.keeping([result])) {
          isSmaller = true
          break
        }
      }
      // What an output is made of, in its place.
      for operand in best.operandsOfResults {
        if attempt(try best.keeping([operand])) {
          isSmaller = true
          break
        }
      }
      // Values near the outputs first: cutting there removes most.
      for distance in 0..<best.graph.nodes.count {
        let position = best.graph.nodes.count - 1 - distance
        guard position >= 0, attempt(try best.cutting(position)) else { continue }
        isSmaller = true
      }
      for distance in 0..<best.graph.nodes.count {
        let position = best.graph.nodes.count - 1 - distance
        guard position >= 0 else { break }
        for operand in 0..<best.graph.nodes[position].operands.count {
          if attempt(try best.bypassing(position, operand)) {
            isSmaller = true
            break
          }
        }
      }
      if attempt(try best.inliningFusions()) { isSmaller = true }
      for region in best.regionNodes where attempt(try best.bypassingInRegion(region)) {
        isSmaller = true
        break
      }
      for size in best.sizes {
        for smaller in [0, 1, 2, 3, size / 2, size - 1] where smaller < size {
          if attempt(try best.resized(size, to: smaller)) {
            isSmaller = true
            break
          }
        }
      }
      for name in best.values.keys.sorted() {
        for number in [0.0, 1] where attempt(try best.filling(name, number)) { break }
      }
    }
    return best
  }
}

extension FuzzCase {
  /// Values that leave the graph.
  fileprivate var results: [ValueID] { graph.outputs + graph.updates.map(\.value) }

  /// What they are computed from.
  fileprivate var operandsOfResults: [ValueID] { results.flatMap { graph.producer(of: $0).operands } }

  /// The case with the values of inputs that are left.
  private func with(_ graph: Graph) throws -> FuzzCase {
    let live = graph.liveNodes()
    let updated = graph.updates.flatMap { [$0.variable, $0.value] }
    let read = Set(graph.nodes.filter { live[$0.id.index] }.flatMap(\.operands) + graph.outputs + updated)
    let keeping = graph.nodes.map { node in
      live[node.id.index] && !((node.op is Parameter || node.op is Variable) && !read.contains(node.result))
    }
    let small = try graph.rewritten(sharingEqualNodes: false, keeping: keeping) { _, _, _ in .keep }
    return FuzzCase(
      graph: small,
      values: values.filter { name, _ in
        (small.parameters + small.variables.map(\.id)).contains { small.name(of: $0) == name }
      })
  }

  /// One result only, as an output.
  fileprivate func keeping(_ results: [ValueID]) throws -> FuzzCase {
    let builder = GraphBuilder(graph.name, sharingEqualNodes: false)
    let map = try graph.copy(into: builder, map: .init(repeating: nil, count: graph.valueCount))
    return try with(builder.build(outputs: results.compactMap { map[$0.index] }))
  }

  /// A node's results as parameters that are fed what the interpreter computes.
  fileprivate func cutting(_ position: Int) throws -> FuzzCase? {
    let node = graph.nodes[position]
    guard !(node.op is Parameter || node.op is Variable), !node.results.isEmpty else { return nil }
    let probe = try keeping(node.results)
    let computed = try Interpreter(probe.graph).run(probe.feeds, variables: probe.variables).outputs
    var values = values
    let names = node.results.map { "cut\($0.index)_\(graph.valueCount)" }
    for (name, tensor) in zip(names, computed) { values[name] = tensor }
    let cut = try graph.rewritten(sharingEqualNodes: false) { other, _, builder in
      guard other.id == node.id else { return .keep }
      return .replace(
        try zip(names, computed).map { try builder.parameter($0, $1.dtype, $1.shape).id })
    }
    return try FuzzCase(graph: cut, values: values).with(cut)
  }

  /// An operand in place of a node's first result, where the types agree.
  fileprivate func bypassing(_ position: Int, _ operand: Int) throws -> FuzzCase? {
    guard let graph = try graph.bypassing(position, operand) else { return nil }
    return try with(graph)
  }

  fileprivate func inliningFusions() throws -> FuzzCase? {
    guard graph.nodes.contains(where: { $0.op is Fusion }) else { return nil }
    return try with(graph.inliningFusions())
  }

  // MARK: Regions

  /// Nodes of regions: the outer node, the region, the node, the operand that may stand for it.
  fileprivate var regionNodes: [(node: Int, region: Int, inner: Int, operand: Int)] {
    graph.nodes.indices.flatMap { node in
      graph.nodes[node].regions.enumerated().flatMap { region, body in
        body.nodes.indices.reversed().flatMap { inner in
          body.nodes[inner].operands.indices.map { (node, region, inner, $0) }
        }
      }
    }
  }

  fileprivate func bypassingInRegion(
    _ place: (node: Int, region: Int, inner: Int, operand: Int)
  ) throws -> FuzzCase? {
    let node = graph.nodes[place.node]
    guard let body = try node.regions[place.region].bypassing(place.inner, place.operand) else { return nil }
    let live = body.liveNodes()
    var regions = node.regions
    regions[place.region] = try body.rewritten(sharingEqualNodes: false, keeping: live) { _, _, _ in .keep }
    return try with(
      graph.rewritten(sharingEqualNodes: false) { other, operands, builder in
        guard other.id == node.id else { return .keep }
        return .replace(
          try builder.append(
            other.op, operands, regions: regions, names: graph.names(of: other), origin: other.origin))
      })
  }

  // MARK: Shapes and numbers

  /// Sizes of dimensions, the largest first.
  fileprivate var sizes: [Int] {
    let all = graph.nodes.flatMap { graph.resultTypes(of: $0) }.flatMap { $0.shape.numbers ?? [] }
    return Set(all.filter { $0 > 1 }).sorted(by: >)
  }

  /// Every dimension of this size smaller: in the text, where sizes of types and attributes stand in brackets.
  fileprivate func resized(_ size: Int, to smaller: Int) throws -> FuzzCase? {
    var text = ""
    var depth = 0
    var word = ""
    func flush() {
      text += depth > 0 && word == String(size) ? String(smaller) : word
      word = ""
    }
    for character in graph.text() {
      if character.isLetter || character.isNumber || "_.%-".contains(character) {
        word.append(character)
        continue
      }
      flush()
      if character == "[" { depth += 1 }
      if character == "]" { depth -= 1 }
      text.append(character)
    }
    flush()
    guard let small = try Graph.parse(text).first, small.violations().isEmpty else { return nil }
    var values: [String: Tensor] = [:]
    for id in small.parameters + small.variables.map(\.id) {
      guard let name = small.name(of: id), let old = self.values[name] else { return nil }
      values[name] = try old.cropped(to: small.type(of: id).shape.numbers ?? [])
    }
    return try FuzzCase(graph: small, values: values).with(small)
  }

  /// All elements of an input the same.
  fileprivate func filling(_ name: String, _ number: Double) throws -> FuzzCase? {
    guard let old = values[name] else { return nil }
    let new = try Tensor(repeating: number, old.dtype, old.dimensions)
    guard new != old else { return nil }
    var result = self
    result.values[name] = new
    return result
  }
}

extension Graph {
  fileprivate func bypassing(_ position: Int, _ operand: Int) throws -> Graph? {
    let node = nodes[position]
    guard node.results.count == 1, type(of: node.operands[operand]) == type(of: node.result) else { return nil }
    return try rewritten(sharingEqualNodes: false) { other, operands, _ in
      other.id == node.id ? .replace([operands[operand]]) : .keep
    }
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
