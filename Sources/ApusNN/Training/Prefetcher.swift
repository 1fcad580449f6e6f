import Foundation

/// Makes elements in order on a thread of its own, a few ahead of the one that is taken.
///
/// `stop` waits for the thread, so that nothing of it outlives its user. All state is guarded by the condition.
final class Prefetcher<Element: Sendable>: @unchecked Sendable {
  private let condition = NSCondition()
  private var ready: [Result<Element, any Error>] = []
  private var isStopped = false
  private var isDone = false
  private let ahead: Int

  /// - Parameters:
  ///   - count: how many elements there are.
  ///   - ahead: how many wait at most; at least 1.
  ///   - make: makes the element of a position; after an error it is not called again.
  init(count: Int, ahead: Int, _ make: @escaping @Sendable (Int) throws -> Element) {
    self.ahead = max(1, ahead)
    let thread = Thread { [self] in
      for index in 0..<count {
        guard waitForRoom() else { break }
        let result = Result { try make(index) }
        append(result)
        if case .failure = result { break }
      }
      finish()
    }
    thread.name = "apus-prefetch"
    // Readers of files may decompress or parse deeply; 512 KiB are a secondary thread's default.
    thread.stackSize = 8 << 20
    thread.start()
  }

  /// The next element, waited for; nil after the last.
  /// - Throws: what making it threw.
  func next() throws -> Element? {
    let result = condition.withLock { () -> Result<Element, any Error>? in
      while ready.isEmpty, !isDone { condition.wait() }
      guard !ready.isEmpty else { return nil }
      condition.broadcast()
      return ready.removeFirst()
    }
    return try result?.get()
  }

  /// Ends the thread after the element that it is making, and waits for that.
  func stop() {
    condition.withLock {
      isStopped = true
      condition.broadcast()
      while !isDone { condition.wait() }
    }
  }

  private func waitForRoom() -> Bool {
    condition.withLock {
      while ready.count >= ahead, !isStopped { condition.wait() }
      return !isStopped
    }
  }

  private func append(_ result: Result<Element, any Error>) {
    condition.withLock {
      ready.append(result)
      condition.broadcast()
    }
  }

  private func finish() {
    condition.withLock {
      isDone = true
      condition.broadcast()
    }
  }
}
