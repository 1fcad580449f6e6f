import Apus
import ApusKernels
import ApusLowering
import ApusNative
import TestSupport
import Testing

/// Native code of a program's own operator that is wrong: the error names the operator.
@Suite struct WrongLoweringTests {
  private func prepare(_ op: some Operator, fused: Bool) throws {
    let builder = GraphBuilder()
    let x = try builder.parameter("x", .f32, [40])
    let y = try builder.append(op, [fused ? x * 2 : x])[0]
    _ = try NativeBackend().prepare(builder.build([fused ? y.exp() : y]))
  }

  @Test(arguments: [WrongElement.Register.scalar, .lanes], [false, true])
  func aRegisterHasTheTypeOfTheResult(_ register: WrongElement.Register, fused: Bool) {
    expectError("the kernel of wrong_element gives a register") { try prepare(WrongElement(register), fused: fused) }
    expectError("element of WrongElement must give a register of the result's type") {
      try prepare(WrongElement(register), fused: fused)
    }
  }

  @Test(arguments: [false, true]) func aRightRegisterIsCompiled(fused: Bool) throws {
    guard NativeBackend.isAvailable else { return }
    try prepare(WrongElement(.right), fused: fused)
  }
}

struct WrongElement: ElementLowerable {
  enum Register: Sendable { case right, scalar, lanes }
  var register = Register.right
  init() {}
  init(_ register: Register) { self.register = register }

  static let record = OperatorRecord(
    "wrong_element", .elementwise, "an operator of a test", operands: [OperandRecord("x", .floating)],
    traits: .elementwise)
  func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] { [operands[0]] }
  func gradient(_ context: GradientContext) throws -> [Value?] { [nil] }

  func element(_ x: [ApusKernels.Register], _ context: ElementContext) -> ApusKernels.Register {
    let b = context.builder
    let type = b.type(of: x[0])
    switch register {
    case .right: return x[0]
    case .scalar: return b.constant(1, type.with(.i32))
    case .lanes: return b.constant(1.0, type.with(lanes: 2 * type.lanes))
    }
  }
}
