extension KernelBuilder {
  func rsqrt(_ x: Register) -> Register { x }
  func exp(_ x: Register) -> Register { x }
  func expm1(_ x: Register) -> Register { x }
  func log(_ x: Register) -> Register { x }
  func log1p(_ x: Register) -> Register { x }
  func sin(_ x: Register) -> Register { x }
  func cos(_ x: Register) -> Register { x }
  func tan(_ x: Register) -> Register { x }
  func tanh(_ x: Register) -> Register { x }
  func sigmoid(_ x: Register) -> Register { x }
  func erf(_ x: Register) -> Register { x }
  func power(_ x: Register, _ y: Register) -> Register { x }
  func remainder(_ x: Register, _ y: Register) -> Register { x }
  func integerDivide(_ x: Register, _ y: Register, isSigned: Bool) -> Register { x }
  func integerRemainder(_ x: Register, _ y: Register, isSigned: Bool) -> Register { x }
}
