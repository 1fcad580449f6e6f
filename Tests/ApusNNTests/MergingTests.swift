import Apus
import Testing

/// Layers that make one tensor of several.
@Suite struct MergingTests {
  private static let a: [Float] = [1, -2, 3, 4]
  private static let b: [Float] = [5, 6, -7, 0]
  private static let c: [Float] = [0, 1, 2, 3]

  static let combinations: [(layer: any MergeLayer, result: [Float])] = [
    (Add(), [6, 5, -2, 7]), (Multiply(), [0, -12, -42, 0]), (Average(), [2, 5.0 / 3, -2.0 / 3, 7.0 / 3]),
    (Maximum(), [5, 6, 3, 4]), (Minimum(), [0, -2, -7, 0]),
  ]

  @Test(arguments: combinations) func elementByElement(_ layer: any MergeLayer, _ expected: [Float]) throws {
    let y = try output(of: layer, [Self.a, Self.b, Self.c].map { try Tensor($0, [2, 2]) })
    #expect(y.dimensions == [2, 2])
    for (value, wanted) in zip(y.elements(as: Float.self), expected) { #expect(abs(value - wanted) < 1e-6) }
  }

  @Test func subtractTakesTwo() throws {
    let (a, b) = (try Tensor(Self.a, [2, 2]), try Tensor(Self.b, [2, 2]))
    #expect(try output(of: Subtract(), [a, b]) == Tensor([-4, -8, 10, 4] as [Float], [2, 2]))
    #expect(refusal { try output(of: Subtract(), [a, b, a]) }.contains("layer 'subtract': it takes 2 inputs, not 3"))
  }

  @Test func sizesOfOneSpread() throws {
    let y = try output(of: Multiply(), [counted([1, 2, 2]), Tensor([10, 100] as [Float], [1, 1, 2])])
    #expect(y == (try Tensor([10, 200, 30, 400] as [Float], [1, 2, 2])))
  }

  @Test(arguments: [-1, 2]) func concatenateAlongTheLastAxis(_ axis: Int) throws {
    let y = try output(of: Concatenate(axis: axis), [counted([1, 2, 1]), counted([1, 2, 2], scale: 10)])
    #expect(y == (try Tensor([1, 10, 20, 2, 30, 40] as [Float], [1, 2, 3])))
  }

  @Test func concatenateAlongAnother() throws {
    let y = try output(of: Concatenate(axis: 1), [counted([2, 1, 2]), counted([2, 2, 2], scale: 10)])
    #expect(y == (try Tensor([1, 2, 10, 20, 30, 40, 3, 4, 50, 60, 70, 80] as [Float], [2, 3, 2])))
  }

  @Test func whatDoesNotFit() throws {
    let (a, b) = (try counted([1, 2]), try counted([1, 3]))
    #expect(
      refusal { try output(of: Add(), [a, b]) }.contains(
        "layer 'add': the shapes of its inputs differ: f32[batch, 2], f32[batch, 3]"))
    #expect(refusal { try output(of: Maximum(), [a]) }.contains("layer 'maximum': it takes at least 2 inputs, not 1"))
    #expect(
      refusal { try output(of: Add(), [a, counted([1, 2, 2])]) }.contains("numbers of axes of its inputs differ"))
    #expect(
      refusal { try output(of: Add(), [a, Tensor([1, 2] as [Int32], [1, 2])]) }.contains("the element types"))
    for axis in [0, 2, -2, -3] {
      #expect(
        refusal { try output(of: Concatenate(axis: axis), [a, b]) }.contains(
          "cannot follow each other along axis \(axis)\n  help: the axis must be one of 1 … 1, or of -1 … -1"),
        "\(axis)")
    }
    #expect(
      refusal { try output(of: Concatenate(axis: 1), [counted([1, 2, 2]), counted([1, 2, 3])]) }.contains(
        "layer 'concatenate': its inputs f32[batch, 2, 2], f32[batch, 2, 3] differ along axis 2"))
  }
}
