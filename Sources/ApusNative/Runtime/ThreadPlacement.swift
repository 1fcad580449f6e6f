import Glibc
import Synchronization

/// Moves threads of this process from core to core, because the system's balancing takes tens of milliseconds: two workers
/// may share one core while a process of low priority has the other.
///
/// A thread is only nudged: its affinity mask is what it was when a move is over.
package enum ThreadPlacement {
  /// Moves a thread away from the caller's core, if it is there and may run on another.
  package static func moveAway(_ thread: pthread_t) {
    nudge(thread) { mask, core in mask[core / 8] &= ~(1 << (core % 8)) }
  }

  /// Moves a thread to the caller's core, if it may run there.
  package static func moveHere(_ thread: pthread_t) {
    nudge(thread) { mask, core in
      let own = mask[core / 8] & (1 << (core % 8))
      for byte in mask.indices { mask[byte] = 0 }
      mask[core / 8] = own
    }
  }

  /// Gives a thread a narrower mask, which moves it at once, and then its own again.
  /// - Parameter narrow: changes a mask of one bit a core, for the caller's core.
  private static func nudge(_ thread: pthread_t, _ narrow: (inout [UInt8], Int) -> Void) {
    // One at a time: a second move would take the narrow mask for the thread's own. It is not needed then, either.
    _ = turn.withLockIfAvailable { _ in
      guard let functions, let core, let mask = mask(of: thread), core < maskBytes * 8 else { return }
      var narrowed = mask
      narrow(&narrowed, core)
      // An empty mask is refused, and nothing is changed.
      if functions.setMask(thread, maskBytes, narrowed) == 0 { _ = functions.setMask(thread, maskBytes, mask) }
    }
  }

  private static let turn = Mutex<Void>(())

  /// The number of the caller's core; nil if unknown.
  package static var core: Int? { functions.map { Int($0.core()) }.flatMap { $0 >= 0 ? $0 : nil } }

  /// The cores that a thread may run on, one bit each; nil on machines with more cores than the mask has bits.
  package static func mask(of thread: pthread_t) -> [UInt8]? {
    var mask = [UInt8](repeating: 0, count: maskBytes)
    return functions?.mask(thread, maskBytes, &mask) == 0 ? mask : nil
  }

  /// Of glibc's `cpu_set_t`.
  private static let maskBytes = 128

  /// GNU functions, which the `Glibc` module does not declare.
  private struct Functions {
    var core: @convention(c) () -> CInt
    var mask: @convention(c) (pthread_t, Int, UnsafeMutablePointer<UInt8>) -> CInt
    var setMask: @convention(c) (pthread_t, Int, UnsafePointer<UInt8>) -> CInt
  }

  private static let functions: Functions? = {
    guard let core = dlsym(nil, "sched_getcpu"), let mask = dlsym(nil, "pthread_getaffinity_np"),
      let setMask = dlsym(nil, "pthread_setaffinity_np")
    else { return nil }
    return Functions(
      core: unsafeBitCast(core, to: (@convention(c) () -> CInt).self),
      mask: unsafeBitCast(mask, to: (@convention(c) (pthread_t, Int, UnsafeMutablePointer<UInt8>) -> CInt).self),
      setMask: unsafeBitCast(setMask, to: (@convention(c) (pthread_t, Int, UnsafePointer<UInt8>) -> CInt).self))
  }()
}
