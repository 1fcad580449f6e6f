import Foundation

/// Makes elements in order on a thread of its own, a few ahead of those that are taken.
///
/// `stop` waits for the thread, so that nothing of it outlives its user. All state is guarded by the condition.
final class Prefetcher<Element: Sendable>: @unchecked Sendable {
  private let condition = NSCondition()
  private var ready: [Result<Element, any Error>] = []
  private var isStopped = false
  private var isDone = false
  private let ahead: Int
  private let room: Int
  private let size: @Sendable (Element) -> Int
  /// Of the elements that wait.
  private var readySize = 0

  /// - Parameters:
  ///   - count: how many elements there are.
  ///   - ahead: how many may wait, whatever their size; at least 1.
  ///   - room: more of them wait if all together are smaller than this.
  ///   - size: of an element.
  ///   - make: makes the element of a position; after an error it is not called again.
  init(
    count: Int, ahead: Int, room: Int = 0, size: @escaping @Sendable (Element) -> Int = { _ in 0 },
    _ make: @escaping @Sendable (Int) throws -> Element
  ) {
    (self.ahead, self.room, self.size) = (max(1, ahead), room, size)
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

  /// The next elements, as many as wait: at least one, which is waited for; none after the last.
  /// - Parameter most: how many are taken at most.
  /// - Throws: what making the first of them threw.
  func next(upTo most: Int) throws -> [Element] {
    let results = condition.withLock { () -> [Result<Element, any Error>] in
      while ready.isEmpty, !isDone { condition.wait() }
      let taken = Array(ready.prefix(max(1, most)))
      ready.removeFirst(taken.count)
      for case .success(let element) in taken { readySize -= size(element) }
      condition.broadcast()
      return taken
    }
    // An error is the last one: nothing is made after it. What precedes it is taken first.
    guard results.count > 1, case .failure = results[results.count - 1] else { return try results.map { try $0.get() } }
    condition.withLock { ready = [results[results.count - 1]] }
    return try results.dropLast().map { try $0.get() }
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
      while ready.count >= ahead, readySize >= room, !isStopped { condition.wait() }
      return !isStopped
    }
  }

  private func append(_ result: Result<Element, any Error>) {
    condition.withLock {
      ready.append(result)
      if case .success(let element) = result { readySize += size(element) }
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
