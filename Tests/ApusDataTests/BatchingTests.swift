import ApusCore
import ApusData
import Testing

@Suite struct BatchingTests {
  @Test func permutations() {
    for count in [0, 1, 2, 7, 1000] {
      #expect(Shuffle.permutation(count: count, seed: 3, epoch: 1).sorted() == Array(0..<count))
    }
    let first = Shuffle.permutation(count: 100, seed: 3, epoch: 0)
    #expect(first == Shuffle.permutation(count: 100, seed: 3, epoch: 0))
    #expect(first != Shuffle.permutation(count: 100, seed: 3, epoch: 1))
    #expect(first != Shuffle.permutation(count: 100, seed: 4, epoch: 0))
    // Fixed for good: a change would make an old training run impossible to repeat.
    #expect(Shuffle.permutation(count: 8, seed: 42, epoch: 0) == [5, 6, 4, 3, 0, 1, 2, 7])
  }

  /// Each of the 6 orders of 3 is as likely as the others: chi-square with 5 degrees of freedom, 0.999 quantile 20.5.
  @Test func permutationsAreUniform() {
    var counts: [[Int]: Double] = [:]
    for epoch in 0..<6000 { counts[Shuffle.permutation(count: 3, seed: 9, epoch: epoch), default: 0] += 1 }
    #expect(counts.count == 6)
    #expect(counts.values.reduce(0) { $0 + ($1 - 1000) * ($1 - 1000) / 1000 } < 20.5)
  }

  @Test func batches() throws {
    #expect(try Array(BatchSequence(count: 7, batchSize: 3)) == [0..<3, 3..<6, 6..<7])
    #expect(try Array(BatchSequence(count: 6, batchSize: 3)) == [0..<3, 3..<6])
    #expect(try Array(BatchSequence(count: 2, batchSize: 32)) == [0..<2])
    #expect(try Array(BatchSequence(count: 0, batchSize: 32)).isEmpty)
    #expect(try BatchSequence(count: 48_000, batchSize: 32).count == 1500)
    #expect(try BatchSequence(count: 10_000, batchSize: 32).count == 313)
    #expect(try Array(BatchSequence(count: 5, batchSize: .max)) == [0..<5])
    expectFault("batch size of 0") { try BatchSequence(count: 7, batchSize: 0) }
  }

  @Test func gathering() throws {
    for tensor in try samples() {
      let rows = try tensor.gather(rows: [1, 0, 1])
      #expect(rows.type == TensorType(tensor.dtype, [3, 3]))
      let all = tensor.doubles()
      let (first, second) = (Array(all[0..<3]), Array(all[3..<6]))
      #expect(rows.doubles() == [second, first, second].flatMap(\.self))
      #expect(try tensor.gather(rows: 1..<2) == tensor.gather(rows: [1]))
      #expect(try tensor.gather(rows: 0..<2) == tensor)
    }
    let vector = Tensor([UInt8](0..<9))
    #expect(try vector.gather(rows: [8, 0][...]) == Tensor([UInt8]([8, 0])))
    #expect(try vector.gather(rows: []).dimensions == [0])
    #expect(try Tensor(zeros: .f32, [4, 0]).gather(rows: [3]).dimensions == [1, 0])
    expectFault("no row 9 in u8[9]", "0 to 8") { try vector.gather(rows: [0, 9]) }
    expectFault("no row -1") { try vector.gather(rows: [-1]) }
    expectFault("no row 9") { try vector.gather(rows: 5..<10) }
    expectFault("scalar") { try Tensor(scalar: Float(1)).gather(rows: [0]) }
  }

  @Test func splits() throws {
    let keras = try ValidationSplit(count: 60_000, validation: 0.2)
    #expect(keras.train == 0..<48_000)
    #expect(keras.validation == 48_000..<60_000)
    #expect(keras.test.isEmpty)
    // floor(10 · (1 - 0.33)) = floor(6.7): the fraction rounds in favor of validation.
    #expect(try ValidationSplit(count: 10, validation: 0.33).validation == 6..<10)
    #expect(try ValidationSplit(count: 3, validation: 0).train == 0..<3)
    expectFault("1 sample, too few to split a part of 0.5 off for validation") {
      try ValidationSplit(count: 1, validation: 0.5)
    }
    expectFault("0 samples, too few") { try ValidationSplit(count: 0, validation: 0.5) }
    for wrong in [1, -0.1, .nan, .infinity] {
      expectFault("validation split of \(wrong)") { try ValidationSplit(count: 10, validation: wrong) }
    }
    let three = try ValidationSplit(count: 100, validation: 0.2, test: 0.1)
    #expect([three.train, three.validation, three.test] == [0..<70, 70..<90, 90..<100])
    #expect(try ValidationSplit(count: 10, validation: 0, test: 0.3).train == 0..<7)
    expectFault("nothing to train on") { try ValidationSplit(count: 10, validation: 0.5, test: 0.5) }
    expectFault("too few") { try ValidationSplit(count: 2, validation: 0.1, test: 0.1) }
  }

  @Test func labelsMissingFromTraining() throws {
    let split = try ValidationSplit(count: 10, validation: 0.4)
    #expect(try split.labelsMissingFromTraining(Tensor([UInt8]([0, 1, 0, 1, 0, 1, 5, 1, 3, 5]))) == [3, 5])
    #expect(try split.labelsMissingFromTraining(Tensor([Int64](repeating: -1, count: 10))).isEmpty)
    expectFault("does not fit 9 labels") { try split.labelsMissingFromTraining(Tensor([UInt8](0..<9))) }
    expectFault("labels are integers") { try split.labelsMissingFromTraining(Tensor([Float](repeating: 0, count: 10))) }
  }
}
