import ApusKernels

/// What one run of a kernel works with: its registers, lane by lane, and the memory it was given.
final class KernelFrame {
  /// One slot for each lane of each register; floats as their bits.
  let slots: UnsafeMutablePointer<UInt64>
  /// By buffer of the kernel.
  let memory: [UnsafeMutableRawPointer]
  let units: Range<Int>
  /// The first failure.
  var failure: KernelFailure?
  /// Values on their way from one set of registers to another.
  var moving: [UInt64] = []

  init(slotCount: Int, memory: [UnsafeMutableRawPointer], units: Range<Int>) {
    slots = .allocate(capacity: max(1, slotCount))
    slots.initialize(repeating: 0, count: max(1, slotCount))
    (self.memory, self.units) = (memory, units)
  }

  deinit { slots.deallocate() }

  func integer(_ slot: Int) -> Int { Int(Int64(bitPattern: slots[slot])) }
}

/// What `fail` reported.
public struct KernelFailure: Hashable, Sendable {
  public var code: Int
  public var value: Int
}

/// One step of a translated kernel.
typealias KernelAction = @Sendable (KernelFrame) throws -> Void
