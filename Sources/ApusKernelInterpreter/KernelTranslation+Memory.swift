import ApusCore
import ApusKernels

/// Loads and stores, element by element, each within its buffer.
extension KernelTranslation {
  func load(_ access: Access, into result: Register) -> KernelAction {
    let (target, count, buffer) = (slot(result), lanes(result), access.buffer)
    let (place, mask) = (place(access, count, verb: "reads"), access.mask.map(slot))
    let read = ElementAccess.read(kernel.buffers[buffer].dtype)
    return { frame in
      for lane in 0..<count {
        // Lanes that do not take part give 0.
        guard mask.map({ frame.slots[$0 + lane] != 0 }) ?? true else {
          frame.slots[target + lane] = 0
          continue
        }
        frame.slots[target + lane] = read(frame.memory[buffer], try place(frame, lane))
      }
    }
  }

  func store(_ access: Access, _ value: Register) -> KernelAction {
    let (source, count, buffer) = (slot(value), lanes(value), access.buffer)
    let (place, mask) = (place(access, count, verb: "writes"), access.mask.map(slot))
    let write = ElementAccess.write(kernel.buffers[buffer].dtype)
    return { frame in
      for lane in 0..<count where mask.map({ frame.slots[$0 + lane] != 0 }) ?? true {
        write(frame.memory[buffer], try place(frame, lane), frame.slots[source + lane])
      }
    }
  }

  /// The element that a lane accesses.
  private func place(
    _ access: Access, _ count: Int, verb: String
  ) -> @Sendable (KernelFrame, _ lane: Int) throws -> Int {
    let (index, isVector) = (slot(access.index), lanes(access.index) > 1)
    let (buffer, size) = (access.buffer, kernel.buffers[access.buffer].count)
    return { frame, lane in
      let element = isVector ? frame.integer(index + lane) : frame.integer(index) &+ lane
      guard element >= 0, element < size else {
        throw KernelTrap("\(verb) b\(buffer)[\(element)] in lane \(lane), but b\(buffer) has \(size) elements")
      }
      return element
    }
  }
}

/// Elements in memory as the bits of a register.
enum ElementAccess {
  static func read(_ dtype: DType) -> @Sendable (UnsafeMutableRawPointer, Int) -> UInt64 {
    switch (dtype, dtype.byteCount) {
    // Any byte but 0 is true.
    case (.bool, _): { $0.load(fromByteOffset: $1, as: UInt8.self) != 0 ? 1 : 0 }
    case (_, 1): { UInt64($0.load(fromByteOffset: $1, as: UInt8.self)) }
    case (_, 2): { UInt64($0.loadUnaligned(fromByteOffset: 2 * $1, as: UInt16.self)) }
    case (_, 4): { UInt64($0.loadUnaligned(fromByteOffset: 4 * $1, as: UInt32.self)) }
    default: { $0.loadUnaligned(fromByteOffset: 8 * $1, as: UInt64.self) }
    }
  }

  static func write(_ dtype: DType) -> @Sendable (UnsafeMutableRawPointer, Int, UInt64) -> Void {
    switch dtype.byteCount {
    case 1: { $0.storeBytes(of: UInt8(truncatingIfNeeded: $2), toByteOffset: $1, as: UInt8.self) }
    case 2: { $0.storeBytes(of: UInt16(truncatingIfNeeded: $2), toByteOffset: 2 * $1, as: UInt16.self) }
    case 4: { $0.storeBytes(of: UInt32(truncatingIfNeeded: $2), toByteOffset: 4 * $1, as: UInt32.self) }
    default: { $0.storeBytes(of: $2, toByteOffset: 8 * $1, as: UInt64.self) }
    }
  }
}
