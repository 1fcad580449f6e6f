import ApusCore

/// `count` samples cut into batches of `batchSize`, the last one shorter if they do not divide: the ranges of
/// positions in an epoch's order.
///
/// ```swift
/// let order = Shuffle.permutation(count: images.dimensions[0], seed: 1, epoch: epoch)
/// for batch in try BatchSequence(count: order.count, batchSize: 32) {
///   let x = try images.gather(rows: order[batch])
/// }
/// ```
public struct BatchSequence: RandomAccessCollection, Sendable {
  public let sampleCount: Int
  public let batchSize: Int

  /// - Throws: `ApusError` if the batch size is not positive or the count is negative.
  public init(count: Int, batchSize: Int) throws {
    guard batchSize > 0 else {
      throw ApusError.input("a batch size of \(batchSize) makes no batches", help: "it is at least 1; Keras takes 32")
    }
    guard count >= 0 else { throw ApusError.input("\(count) samples cannot be") }
    sampleCount = count
    self.batchSize = batchSize
  }

  public var startIndex: Int { 0 }
  /// The number of batches: `ceil(sampleCount / batchSize)`.
  public var endIndex: Int { sampleCount / batchSize + (sampleCount % batchSize == 0 ? 0 : 1) }

  public subscript(position: Int) -> Range<Int> {
    precondition(indices.contains(position), "batch \(position) of \(count)")
    let start = position * batchSize
    return start..<start + Swift.min(batchSize, sampleCount - start)
  }
}
