/// Operand and result types of the instructions without blocks.
extension KernelVerifier {
  mutating func check(_ instruction: Instruction, _ results: [Register]) {
    switch instruction {
    case .store(let access, let value): return checkStore(access, value, results)
    case .prefetch(let access, let level, let isWrite): return checkPrefetch(access, level, isWrite, results)
    case .fail(let condition, let code, let value):
      expectNone(results)
      expectCondition(condition)
      if type(value) != .index { report("the value \(value) is \(type(value))", help: "a failure reports one i64") }
      if code < 1 { report("the code is \(code)", help: "codes count from 1; 0 means no failure") }
      return
    default: break
    }
    guard results.count == 1 else {
      return report("it has \(results.count) results", help: "an instruction that computes has one")
    }
    checkValue(instruction, type(results[0]))
  }

  private mutating func checkValue(_ instruction: Instruction, _ result: RegisterType) {
    switch instruction {
    case .constant(let bits):
      if bits != KernelBuilder.truncated(bits, result.scalar) {
        report("the bits do not fit in \(result.scalar.rawValue)", help: "bits beyond the type are 0")
      }
    case .lanes:
      if result.scalar.isFloating || result.scalar == .i1 {
        report("it gives \(result)", help: "positions of lanes are integers of 8 bits or more")
      }
    case .firstUnit, .endUnit:
      if result != .index { report("it gives \(result)", help: "units are counted in i64") }
    case .unary(let op, let x):
      expect(result, [x])
      expect(op.operands, result.scalar, op.mnemonic)
    case .binary(let op, let a, let b):
      expect(result, [a, b])
      expect(op.operands, result.scalar, op.mnemonic)
    case .multiplyAdd(let a, let b, let c):
      expect(result, [a, b, c])
      expect(.floats, result.scalar, "multiply_add")
    case .compare(let op, let a, let b):
      expect(type(a), [b])
      expect(op.operands, type(a).scalar, op.mnemonic)
      if result != type(a).with(.i1) {
        report("it gives \(result)", help: "a comparison of \(type(a)) gives \(type(a).with(.i1))")
      }
    case .select(let condition, let a, let b):
      expect(result, [a, b])
      let own = type(condition)
      if own.scalar != .i1 || own.lanes != 1 && own.lanes != result.lanes {
        report("the condition \(condition) is \(own)", help: "i1, or i1 in each of the \(result.lanes) lanes")
      }
    case .convert(let op, let x): checkConversion(op, type(x), result)
    case .splat(let x):
      if type(x) != result.with(lanes: 1) {
        report("\(x) is \(type(x)) and the result \(result)", help: "a scalar of the result's type in each lane")
      }
    case .extract(let x, let lane):
      if type(x).with(lanes: 1) != result { report("it gives \(result)", help: "one lane of \(type(x))") }
      if !(0..<type(x).lanes).contains(lane) {
        report("\(x) has no lane \(lane)", help: "its lanes are 0 to \(type(x).lanes - 1)")
      }
    case .shuffle(let a, let b, let positions): checkShuffle(a, b, positions, result)
    case .load(let access): checkLoad(access, result)
    case .store, .prefetch, .fail, .loop, .branch, .whileLoop: break
    }
  }

  private mutating func checkShuffle(_ a: Register, _ b: Register, _ positions: [Int], _ result: RegisterType) {
    let own = type(a)
    expect(own, [b])
    if result != own.with(lanes: positions.count) {
      report("it gives \(result)", help: "\(positions.count) positions give \(own.with(lanes: positions.count))")
    }
    if let wrong = positions.first(where: { !(0..<2 * own.lanes).contains($0) }) {
      report("there is no lane \(wrong)", help: "the lanes of \(a) and then \(b) are 0 to \(2 * own.lanes - 1)")
    }
  }

  private mutating func checkConversion(_ op: Conversion, _ source: RegisterType, _ result: RegisterType) {
    guard source.lanes == result.lanes, op.converts(source.scalar, to: result.scalar) else {
      return report("it converts \(source) to \(result)", help: op.rule)
    }
  }

  // MARK: Memory

  /// - Returns: the buffer's element type; nil if there is no such buffer.
  private mutating func element(_ access: Access) -> ScalarType? {
    guard kernel.buffers.indices.contains(access.buffer) else {
      report("there is no buffer b\(access.buffer)", help: "the kernel has \(kernel.buffers.count) buffers")
      return nil
    }
    return kernel.buffers[access.buffer].dtype.scalarType
  }

  private mutating func checkAccess(_ access: Access, _ value: RegisterType) {
    guard let element = element(access) else { return }
    if value.scalar != element {
      report("b\(access.buffer) holds \(element.rawValue), not \(value.scalar.rawValue)", help: "convert in registers")
    }
    let index = type(access.index)
    if index.scalar != .i64 || index.lanes != 1 && index.lanes != value.lanes {
      report("the index \(access.index) is \(index)", help: "i64, or i64 in each of the \(value.lanes) lanes")
    }
    if let mask = access.mask, type(mask) != value.with(.i1) {
      report("the mask \(mask) is \(type(mask))", help: "\(value.with(.i1)): a truth value for each lane")
    }
  }

  private mutating func checkLoad(_ access: Access, _ result: RegisterType) {
    checkAccess(access, result)
    if kernel.buffers.indices.contains(access.buffer), kernel.buffers[access.buffer].use == .write {
      report("b\(access.buffer) is for writing only", help: "declare it read_write")
    }
  }

  private mutating func checkStore(_ access: Access, _ value: Register, _ results: [Register]) {
    expectNone(results)
    checkAccess(access, type(value))
    checkWritable(access)
  }

  private mutating func checkWritable(_ access: Access) {
    if kernel.buffers.indices.contains(access.buffer), kernel.buffers[access.buffer].use == .read {
      report("b\(access.buffer) is for reading only", help: "declare it write or read_write")
    }
  }

  private mutating func checkPrefetch(_ access: Access, _ level: Int, _ isWrite: Bool, _ results: [Register]) {
    expectNone(results)
    _ = element(access)
    if isWrite { checkWritable(access) }
    if type(access.index) != .index { report("the index \(access.index) is \(type(access.index))", help: "one i64") }
    if access.mask != nil { report("it has a mask", help: "a prefetch is harmless wherever it points") }
    if !(1...3).contains(level) { report("there is no level \(level) of the cache", help: "1, 2 or 3") }
  }

  // MARK: Parts

  private mutating func expectNone(_ results: [Register]) {
    if !results.isEmpty { report("it has \(results.count) results", help: "it computes nothing") }
  }

  private mutating func expect(_ own: RegisterType, _ operands: [Register]) {
    for operand in operands where type(operand) != own {
      report("\(operand) is \(type(operand)), not \(own)", help: "convert or splat it first")
    }
  }

  private mutating func expect(_ allowed: OperandClass, _ scalar: ScalarType, _ name: String) {
    if !allowed.contains(scalar) { report("\(name) does not take \(scalar.rawValue)", help: allowed.description) }
  }
}
