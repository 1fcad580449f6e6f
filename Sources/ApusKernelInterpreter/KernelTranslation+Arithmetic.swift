import ApusCore
import ApusKernels

/// Instructions that compute one register from others.
extension KernelTranslation {
  /// - Returns: nil if the instruction has no meaning on these types.
  func compute(_ instruction: Instruction, _ result: Register) -> KernelAction? {
    let type = kernel.type(of: result)
    let (target, count) = (slot(result), type.lanes)
    switch instruction {
    case .constant(let bits): return { frame in for lane in 0..<count { frame.slots[target + lane] = bits } }
    case .lanes: return { frame in for lane in 0..<count { frame.slots[target + lane] = UInt64(lane) } }
    case .firstUnit: return { frame in frame.slots[target] = UInt64(frame.units.lowerBound) }
    case .endUnit: return { frame in frame.slots[target] = UInt64(frame.units.upperBound) }
    case .unary(let op, let x): return map(ScalarFunctions.unary(op, type.scalar), x, result)
    case .convert(let op, let x):
      return map(ScalarFunctions.convert(op, from: kernel.type(of: x).scalar, to: type.scalar), x, result)
    case .binary(let op, let a, let b): return map(ScalarFunctions.binary(op, type.scalar), a, b, result)
    case .compare(let op, let a, let b):
      return map(ScalarFunctions.compare(op, kernel.type(of: a).scalar), a, b, result)
    case .multiplyAdd(let a, let b, let c): return multiplyAdd(a, b, c, result)
    case .select(let condition, let a, let b): return select(condition, a, b, result)
    case .splat(let x):
      let source = slot(x)
      return { frame in for lane in 0..<count { frame.slots[target + lane] = frame.slots[source] } }
    case .extract(let x, let lane):
      let source = slot(x) + lane
      return { frame in frame.slots[target] = frame.slots[source] }
    case .shuffle(let a, let b, let positions):
      let width = lanes(a)
      let sources = positions.map { $0 < width ? slot(a) + $0 : slot(b) + $0 - width }
      return { frame in for lane in 0..<count { frame.slots[target + lane] = frame.slots[sources[lane]] } }
    case .load, .store, .prefetch, .fail, .loop, .branch, .whileLoop: return nil
    }
  }

  private func map(_ function: UnaryFunction?, _ x: Register, _ result: Register) -> KernelAction? {
    guard let function else { return nil }
    let (source, target, count) = (slot(x), slot(result), lanes(result))
    return { frame in for lane in 0..<count { frame.slots[target + lane] = function(frame.slots[source + lane]) } }
  }

  private func map(_ function: BinaryFunction?, _ a: Register, _ b: Register, _ result: Register) -> KernelAction? {
    guard let function else { return nil }
    let (first, second, target, count) = (slot(a), slot(b), slot(result), lanes(result))
    return { frame in
      for lane in 0..<count {
        frame.slots[target + lane] = try function(frame.slots[first + lane], frame.slots[second + lane])
      }
    }
  }

  private func multiplyAdd(_ a: Register, _ b: Register, _ c: Register, _ result: Register) -> KernelAction {
    let (first, second, third, target, count) = (slot(a), slot(b), slot(c), slot(result), lanes(result))
    let function =
      kernel.type(of: result).scalar == .f32
      ? FloatArithmetic<Float>.multiplyAdd : FloatArithmetic<Double>.multiplyAdd
    return { frame in
      let slots = frame.slots
      for lane in 0..<count {
        slots[target + lane] = function(slots[first + lane], slots[second + lane], slots[third + lane])
      }
    }
  }

  private func select(_ condition: Register, _ a: Register, _ b: Register, _ result: Register) -> KernelAction {
    let (first, second, target, count) = (slot(a), slot(b), slot(result), lanes(result))
    let (choice, stride) = (slot(condition), lanes(condition) == 1 ? 0 : 1)
    return { frame in
      for lane in 0..<count {
        frame.slots[target + lane] =
          frame.slots[choice + lane * stride] != 0 ? frame.slots[first + lane] : frame.slots[second + lane]
      }
    }
  }
}
