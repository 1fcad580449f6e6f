import ApusCore

/// A value that an instruction of a kernel computes, once.
public struct Register: Hashable, Sendable, CustomStringConvertible {
  public let index: Int
  public init(_ index: Int) { self.index = index }
  public var description: String { "%\(index)" }
}

/// One step of a kernel. Registers are in static single assignment form; loops and branches are nested blocks, with the
/// registers that change from round to round listed (as block parameters, not phi nodes).
///
/// The meaning is that of machine arithmetic: integers wrap, floats are IEEE 754 without exceptions, a vector
/// instruction does the same in each lane.
public indirect enum Instruction: Hashable, Sendable {
  /// The same bits in each lane: an integer's value, or a float's pattern.
  case constant(bits: UInt64)
  /// 0, 1, 2, … in the lanes of an integer type.
  case lanes
  /// The first unit of work that this call is to do.
  case firstUnit
  /// The unit after the last.
  case endUnit
  case unary(Unary, Register)
  case binary(Binary, Register, Register)
  /// a · b + c, rounded once.
  case multiplyAdd(Register, Register, Register)
  /// Lanes of `i1`.
  case compare(Comparison, Register, Register)
  case select(Register, Register, Register)
  /// To the result's type.
  case convert(Conversion, Register)
  /// A scalar in each lane.
  case splat(Register)
  case extract(Register, lane: Int)
  /// Lanes of a and then b by position; as many as there are positions.
  case shuffle(Register, Register, [Int])
  case load(Access)
  case store(Access, Register)
  /// A hint that the cache line at a scalar position will be needed soon, in which level of the cache (1, 2 or 3), and
  /// whether to be written, so that no other core keeps it; positions past the buffer are harmless.
  case prefetch(Access, level: Int, isWrite: Bool)
  /// Where the scalar condition holds, the run fails: the first failure keeps `code` and the value (`i64`), for the host
  /// to explain. The kernel goes on, so what follows must stay within its buffers.
  case fail(condition: Register, code: Int, value: Register)
  case loop(Loop)
  case branch(Branch)
  /// Rounds as long as the condition's block yields true.
  case whileLoop(WhileLoop)
}

public enum Unary: String, Hashable, Sendable, CaseIterable {
  case negate, absolute, squareRoot, floor, ceil
  /// To nearest, halves to even.
  case round
  /// All bits inverted.
  case not
  /// Integers: leading zeros, ones.
  case countLeadingZeros, populationCount
  /// 1/√x to about 14 bits where the target has an instruction for it, else exact; f32 only. Callers refine it.
  case reciprocalSquareRootEstimate
}

public enum Binary: String, Hashable, Sendable, CaseIterable {
  // Floats and integers.
  case add, subtract, multiply
  // Floats.
  case divide
  /// The other operand where one is NaN: select what NaN should do around them.
  case minimumNumber, maximumNumber
  /// x · 2ⁿ, the second operand a float that holds an integer; in one instruction where the target can.
  case scaleByPowerOfTwo
  /// The same for x of a magnitude from 1/4 to 4, or NaN, and |n| of at most 240 (2,000 in f64), which takes less where
  /// there is no instruction. Other operands give an unspecified number.
  case scaleNearOne
  // Integers.
  case divideSigned, divideUnsigned, remainderSigned, remainderUnsigned
  case minimumSigned, maximumSigned, minimumUnsigned, maximumUnsigned
  case and, or, xor, shiftLeft, shiftRight, shiftRightSigned
}

public enum Comparison: String, Hashable, Sendable, CaseIterable {
  /// Floats: false where one is NaN, but `notEqual` true. Integers: as signed.
  case equal, notEqual, less, lessEqual, greater, greaterEqual
  case lessUnsigned, lessEqualUnsigned
}

public enum Conversion: String, Hashable, Sendable, CaseIterable {
  /// Between integer widths.
  case signExtend, zeroExtend, truncate
  case signedToFloat, unsignedToFloat
  /// Towards zero, saturating; NaN gives 0.
  case floatToSigned, floatToUnsigned
  /// f32 ↔ f64.
  case extend, narrow
  /// IEEE half precision in 16 bits ↔ f32.
  case halfToFloat, floatToHalf
  /// The same bits; the total width stays.
  case bits
}

/// A place in a buffer.
public struct Access: Hashable, Sendable {
  /// A position in `Kernel.buffers`.
  public var buffer: Int
  /// In elements. A scalar: the first of consecutive elements; a vector: one for each lane.
  public var index: Register
  /// Lanes that take part; the others load 0 and store nothing.
  public var mask: Register?

  public init(buffer: Int, index: Register, mask: Register? = nil) {
    self.buffer = buffer
    self.index = index
    self.mask = mask
  }
}

/// Instructions in order.
public struct Block: Hashable, Sendable {
  public struct Statement: Hashable, Sendable {
    /// One for most instructions; none for stores; those of loops and branches.
    public var results: [Register]
    public var instruction: Instruction
  }
  public var statements: [Statement] = []
  /// What the block gives: next values of a loop's carried registers, results of a branch.
  public var yields: [Register] = []
}

/// `induction` runs from `lower` by `step` while it is below `upper`.
public struct Loop: Hashable, Sendable {
  public var induction: Register
  public var lower: Register
  public var upper: Register
  public var step: Int
  /// Registers that each round gets from the one before; `initial` in the first.
  public var carried: [Register]
  public var initial: [Register]
  public var body: Block
}

public struct Branch: Hashable, Sendable {
  public var condition: Register
  public var then: Block
  public var otherwise: Block
}

public struct WhileLoop: Hashable, Sendable {
  public var carried: [Register]
  public var initial: [Register]
  /// Yields one `i1`; sees the carried registers.
  public var condition: Block
  public var body: Block
}

extension Instruction {
  /// The registers that it reads itself, in the order of the text: not those that only its blocks read.
  package var operands: [Register] {
    switch self {
    case .constant, .lanes, .firstUnit, .endUnit: []
    case .unary(_, let x), .convert(_, let x), .splat(let x), .extract(let x, _): [x]
    case .binary(_, let a, let b), .compare(_, let a, let b), .shuffle(let a, let b, _): [a, b]
    case .multiplyAdd(let a, let b, let c), .select(let a, let b, let c): [a, b, c]
    case .load(let access), .prefetch(let access, _, _): access.operands
    case .store(let access, let value): access.operands + [value]
    case .fail(let condition, _, let value): [condition, value]
    case .loop(let loop): [loop.lower, loop.upper] + loop.initial
    case .branch(let branch): [branch.condition]
    case .whileLoop(let loop): loop.initial
    }
  }
}

extension Access {
  fileprivate var operands: [Register] { [index] + (mask.map { [$0] } ?? []) }
}
