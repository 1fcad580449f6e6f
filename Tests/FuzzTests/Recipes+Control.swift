import Apus
import ApusGraph
import ApusOperators

extension RecipeBook {
  static let control = [
    Recipe(Fusion.self, weight: 3) { maker in
      guard maker.depth < 2 else { return nil }
      var operands: [Value] = []
      for _ in 0..<maker.random.int(1...4) { operands.append(try maker.some(.any)) }
      let body = try maker.region(operands.map(\.type)) { arguments in
        try maker.grow(maker.random.int(1...5))
        return maker.results()
      }
      return try maker.append(Fusion(), operands, regions: [body])
    },
    Recipe(If.self, weight: 3) { maker in
      guard maker.depth < 2 else { return nil }
      var operands: [Value] = []
      for _ in 0..<maker.random.int(0...3) { operands.append(try maker.some(.any)) }
      let condition = try maker.condition()
      var results: [TensorType] = []
      let then = try maker.region(operands.map(\.type)) { _ in
        try maker.grow(maker.random.int(0...4))
        let values = maker.results()
        results = values.map(\.type)
        return values
      }
      let otherwise = try maker.region(operands.map(\.type)) { _ in
        try maker.grow(maker.random.int(0...4))
        return try results.map { try maker.fitting($0, isComputed: true) }
      }
      return try maker.append(If(), [condition] + operands, regions: [then, otherwise])
    },
    Recipe(While.self, weight: 2) { maker in
      guard maker.depth < 2 else { return nil }
      let rounds = maker.random.pick([0, 1, 2, 3, 5])
      let start = try maker.builder.constant(Tensor(scalar: Int32(0)))
      var carries = [start]
      for _ in 0..<maker.random.int(0...2) { carries.append(try maker.some(.any)) }
      var invariants: [Value] = []
      for _ in 0..<maker.random.int(0...2) { invariants.append(try maker.some(.any)) }
      let types = (carries + invariants).map(\.type)
      let condition = try maker.region(types) { arguments in
        let goesOn = try arguments[0].less(Double(rounds))
        guard maker.random.chance(30) else { return [goesOn] }
        return [try goesOn.and(maker.condition())]
      }
      let body = try maker.region(types) { arguments in
        try maker.grow(maker.random.int(1...4))
        let others = try carries.dropFirst().map { try maker.carry($0.type) }
        return [try arguments[0] + 1] + others
      }
      let op = While(
        carries: carries.count, tripCount: maker.random.chance(60) ? maker.random.pick([rounds, rounds + 1]) : nil)
      return Array(try maker.append(op, carries + invariants, regions: [condition, body]).reversed())
    },
    Recipe(Scan.self, weight: 4) { maker in
      guard maker.depth < 2 else { return nil }
      var op = Scan()
      op.reverse = maker.random.chance(40)
      var carries: [Value] = []
      for _ in 0..<maker.random.int(0...2) { carries.append(try maker.some(.any)) }
      let first = maker.random.chance(75) ? try maker.some(.any, rank: 1...4) : nil
      let steps = first.map { maker.numbers($0)[0] } ?? maker.random.int(0...6)
      guard steps <= 33 else { return nil }
      var sequences = first.map { [$0] } ?? []
      if first == nil || maker.random.chance(20) { op.length = .number(steps) }
      if maker.random.chance(50) {
        sequences.append(try maker.fitting(TensorType(maker.dtype(.any), Shape([steps]))))
      }
      var invariants: [Value] = []
      for _ in 0..<maker.random.int(0...2) { invariants.append(try maker.some(.any)) }
      (op.carries, op.sequences) = (carries.count, sequences.count)
      let elements = sequences.map { $0.type.with(shape: Shape(Array($0.shape.dims.dropFirst()))) }
      let body = try maker.region(carries.map(\.type) + elements + invariants.map(\.type)) { _ in
        try maker.grow(maker.random.int(1...5))
        let next = try carries.map { try maker.carry($0.type) }
        let outputs = maker.results().filter { ($0.shape.elementCount ?? 0) * steps <= 2 * maker.limit }
        return next + (next.isEmpty || maker.random.chance(70) ? outputs : [])
      }
      guard !body.outputs.isEmpty else { return nil }
      return Array(try maker.append(op, carries + sequences + invariants, regions: [body]).reversed())
    },
  ]
}

extension GraphMaker {
  /// One to three of the latest values, parameters too where there is nothing else.
  fileprivate func results() -> [Value] {
    let computed = pool.filter { !(builder.graph.producer(of: $0.id).op is Parameter) }
    return Array((computed.isEmpty || random.chance(5) ? pool : computed).suffix(random.int(1...3)))
  }

  /// The next value of a carry: bounded, or rounds make it infinite.
  fileprivate func carry(_ type: TensorType) throws -> Value {
    let value = try fitting(type, isComputed: true)
    return [.f32, .f64].contains(type.dtype) ? try damped(value) : value
  }

  /// A truth value that depends on what there is.
  fileprivate func condition() throws -> Value {
    if random.chance(40) { return try fitting(.scalar(.bool)) }
    let x = try some(.comparable)
    return x.dtype == .bool ? try random.chance(50) ? x.any() : x.all() : try x.max().greater(0.25)
  }
}
