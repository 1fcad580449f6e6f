import ApusCore
import ApusKernels
import ApusLowering
import ApusPlanning

extension KernelEmitter {
  /// entry → loop ⟲ → done: tested at the end of each round, and once before the first.
  mutating func emit(_ loop: Loop, _ results: [Register]) throws {
    guard loop.step > 0 else { throw defect("a loop has step \(loop.step)") }
    let (lower, upper) = (try value(loop.lower), try value(loop.upper))
    let initial = try loop.initial.map(value)
    let (body, exit) = (ir.block(function, "loop"), ir.block(function, "done"))
    let entry = llvm.insertBlock(builder)
    let enters = llvm.integerCompare(builder, Predicate.less, lower, upper, "")
    _ = llvm.conditionalJump(builder, enters, body, exit)

    llvm.positionAtEnd(builder, body)
    let induction = ir.phi(ir.int(64))
    let carried = loop.carried.map { ir.phi(type(kernel.type(of: $0))) }
    values[loop.induction.index] = induction
    for (register, phi) in zip(loop.carried, carried) { values[register.index] = phi }
    try emit(loop.body)
    let yields = try loop.body.yields.map(value)
    let next = ir.binary(Opcode.add, induction, ir.constant(loop.step))
    let goesOn = llvm.integerCompare(builder, Predicate.less, next, upper, "")
    let end = llvm.insertBlock(builder)
    _ = llvm.conditionalJump(builder, goesOn, body, exit)
    ir.addIncoming(induction, lower, from: entry)
    ir.addIncoming(induction, next, from: end)
    for (phi, pair) in zip(carried, zip(initial, yields)) {
      ir.addIncoming(phi, pair.0, from: entry)
      ir.addIncoming(phi, pair.1, from: end)
    }
    llvm.positionAtEnd(builder, exit)
    for (result, pair) in zip(results, zip(initial, yields)) {
      let phi = ir.phi(type(kernel.type(of: result)))
      ir.addIncoming(phi, pair.0, from: entry)
      ir.addIncoming(phi, pair.1, from: end)
      values[result.index] = phi
    }
  }

  mutating func emit(_ branch: Branch, _ results: [Register]) throws {
    let (then, otherwise, exit) = (
      ir.block(function, "then"), ir.block(function, "else"), ir.block(function, "done")
    )
    _ = llvm.conditionalJump(builder, try value(branch.condition), then, otherwise)
    var ends: [(block: Handle?, yields: [Handle?])] = []
    for (block, body) in [(then, branch.then), (otherwise, branch.otherwise)] {
      guard body.yields.count == results.count else { throw defect("a branch gives \(body.yields)") }
      llvm.positionAtEnd(builder, block)
      try emit(body)
      ends.append((llvm.insertBlock(builder), try body.yields.map(value)))
      _ = llvm.jump(builder, exit)
    }
    llvm.positionAtEnd(builder, exit)
    for (position, result) in results.enumerated() {
      let phi = ir.phi(type(kernel.type(of: result)))
      for end in ends { ir.addIncoming(phi, end.yields[position], from: end.block) }
      values[result.index] = phi
    }
  }

  mutating func emit(_ loop: WhileLoop, _ results: [Register]) throws {
    let initial = try loop.initial.map(value)
    let (test, body, exit) = (
      ir.block(function, "while"), ir.block(function, "do"), ir.block(function, "done")
    )
    let entry = llvm.insertBlock(builder)
    _ = llvm.jump(builder, test)
    llvm.positionAtEnd(builder, test)
    let carried = loop.carried.map { ir.phi(type(kernel.type(of: $0))) }
    for (register, phi) in zip(loop.carried, carried) { values[register.index] = phi }
    try emit(loop.condition)
    guard let condition = loop.condition.yields.first else { throw defect("a while loop has no condition") }
    _ = llvm.conditionalJump(builder, try value(condition), body, exit)
    llvm.positionAtEnd(builder, body)
    try emit(loop.body)
    let yields = try loop.body.yields.map(value)
    let end = llvm.insertBlock(builder)
    _ = llvm.jump(builder, test)
    for (phi, pair) in zip(carried, zip(initial, yields)) {
      ir.addIncoming(phi, pair.0, from: entry)
      ir.addIncoming(phi, pair.1, from: end)
    }
    llvm.positionAtEnd(builder, exit)
    for (result, phi) in zip(results, carried) { values[result.index] = phi }
  }
}
