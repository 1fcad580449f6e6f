/// Loops and branches: what they take, hand on and give agrees in number and type.
extension KernelVerifier {
  mutating func check(_ loop: Loop, _ results: [Register]) {
    if loop.step <= 0 { report("the loop has step \(loop.step)", help: "a step is at least 1") }
    for (what, register) in [
      ("variable", loop.induction), ("lower bound", loop.lower), ("upper bound", loop.upper),
    ] where type(register) != .index {
      report("the loop's \(what) \(register) is \(type(register))", help: "loops count in i64")
    }
    match(loop.carried, loop.initial, "carried registers", "initial values")
    match(loop.carried, loop.body.yields, "carried registers", "values that the body yields")
    match(loop.carried, results, "carried registers", "results")
  }

  mutating func check(_ branch: Branch, _ results: [Register]) {
    expectCondition(branch.condition)
    match(results, branch.then.yields, "results", "values that the first block yields")
    match(results, branch.otherwise.yields, "results", "values that the second block yields")
  }

  mutating func check(_ loop: WhileLoop, _ results: [Register]) {
    if loop.condition.yields.count == 1 {
      expectCondition(loop.condition.yields[0])
    } else {
      report("the condition yields \(loop.condition.yields.count) values", help: "one i1: whether to go on")
    }
    match(loop.carried, loop.initial, "carried registers", "initial values")
    match(loop.carried, loop.body.yields, "carried registers", "values that the body yields")
    match(loop.carried, results, "carried registers", "results")
  }

  mutating func expectCondition(_ register: Register) {
    if type(register) != RegisterType(.i1) {
      report("the condition \(register) is \(type(register))", help: "a condition is one i1")
    }
  }

  private mutating func match(_ a: [Register], _ b: [Register], _ first: String, _ second: String) {
    guard a.count == b.count else {
      return report("there are \(a.count) \(first) and \(b.count) \(second)", help: "as many of both")
    }
    for (x, y) in zip(a, b) where type(x) != type(y) {
      report(
        "\(x) is \(type(x)) and \(y) is \(type(y))", help: "\(first) and \(second) have the same types, one by one")
    }
  }
}
