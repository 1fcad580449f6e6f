import ApusCore

/// Bytes that stand for a value and no other: the same in every process, so that files can be found by their hash.
///
/// Lists begin with their length and alternatives with a tag, so that no two sequences of values give the same bytes.
public struct CanonicalBytes: Sendable {
  public private(set) var bytes: [UInt8] = []

  public init() {}

  /// Seven bits a byte, the lowest first; small numbers of either sign are one byte.
  public mutating func append(_ value: Int) { append(bits: UInt64(bitPattern: Int64((value << 1) ^ (value >> 63)))) }

  public mutating func append(bits value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(truncatingIfNeeded: rest))
  }

  public mutating func append(_ text: String) {
    append(text.utf8.count)
    bytes.append(contentsOf: text.utf8)
  }

  public mutating func append(_ flag: Bool) { bytes.append(flag ? 1 : 0) }

  public mutating func append(_ list: [Int]) {
    append(list.count)
    for value in list { append(value) }
  }

  fileprivate mutating func append(_ registers: [Register]) {
    append(registers.count)
    for register in registers { append(register.index) }
  }

  fileprivate mutating func append(tag: UInt8) { bytes.append(tag) }
}

extension Kernel {
  /// What makes two kernels equal, as bytes: everything but the name.
  public var canonicalBytes: [UInt8] {
    var out = CanonicalBytes()
    out.append(units)
    out.append(buffers.map(\.count))
    return out.bytes + codeBytes
  }

  /// What the kernel's code depends on, as bytes: not how many units there are, nor how large buffers.
  public var codeBytes: [UInt8] {
    var out = CanonicalBytes()
    out.append(buffers.count)
    for buffer in buffers {
      out.append(buffer.dtype.rawValue)
      out.append(buffer.use.rawValue)
    }
    out.append(types.count)
    for type in types {
      out.append(type.scalar.rawValue)
      out.append(type.lanes)
    }
    out.append(body)
    return out.bytes
  }
}

extension CanonicalBytes {
  fileprivate mutating func append(_ block: Block) {
    append(block.statements.count)
    for statement in block.statements {
      append(statement.results)
      append(statement.instruction)
    }
    append(block.yields)
  }

  fileprivate mutating func append(_ access: Access) {
    append(access.buffer)
    append(access.index.index)
    append(access.mask?.index ?? -1)
  }

  fileprivate mutating func append(_ instruction: Instruction) {
    switch instruction {
    case .constant(let bits):
      append(tag: 0)
      append(bits: bits)
    case .lanes: append(tag: 1)
    case .firstUnit: append(tag: 2)
    case .endUnit: append(tag: 3)
    case .unary(let op, let x):
      append(tag: 4)
      append(op.rawValue)
      append(x.index)
    case .binary(let op, let a, let b):
      append(tag: 5)
      append(op.rawValue)
      append(a.index)
      append(b.index)
    case .multiplyAdd(let a, let b, let c):
      append(tag: 6)
      append([a, b, c])
    case .compare(let op, let a, let b):
      append(tag: 7)
      append(op.rawValue)
      append(a.index)
      append(b.index)
    case .select(let condition, let a, let b):
      append(tag: 8)
      append([condition, a, b])
    case .convert(let op, let x):
      append(tag: 9)
      append(op.rawValue)
      append(x.index)
    case .splat(let x):
      append(tag: 10)
      append(x.index)
    case .extract(let x, let lane):
      append(tag: 11)
      append(x.index)
      append(lane)
    case .shuffle(let a, let b, let positions):
      append(tag: 12)
      append([a, b])
      append(positions)
    case .load(let access):
      append(tag: 13)
      append(access)
    case .store(let access, let value):
      append(tag: 14)
      append(access)
      append(value.index)
    case .fail(let condition, let code, let value):
      append(tag: 15)
      append(condition.index)
      append(code)
      append(value.index)
    case .loop(let loop):
      append(tag: 16)
      append([loop.induction, loop.lower, loop.upper])
      append(loop.step)
      append(loop.carried)
      append(loop.initial)
      append(loop.body)
    case .branch(let branch):
      append(tag: 17)
      append(branch.condition.index)
      append(branch.then)
      append(branch.otherwise)
    case .whileLoop(let loop):
      append(tag: 18)
      append(loop.carried)
      append(loop.initial)
      append(loop.condition)
      append(loop.body)
    case .prefetch(let access, let level, let isWrite):
      append(tag: 19)
      append(access)
      append(level)
      append(isWrite)
    }
  }
}
