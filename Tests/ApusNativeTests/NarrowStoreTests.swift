import Apus
import ApusNative
import TestSupport
import Testing

/// Rows of narrow elements that end one element into a vector: the store of that one leaves the next row's first alone.
/// LLVM stores four bytes there, since what is stored was made of wider elements.
@Suite struct NarrowStoreTests {
  @Test(arguments: [DType.bf16, .f16, .i8, .u8, .bool, .i32, .f64], [1, 2, 9, 17, 31, 33])
  func tailsOfOneElement(_ dtype: DType, _ width: Int) throws {
    let builder = GraphBuilder("outer")
    let x = try builder.parameter("x", .f32, Shape([width, 1]))
    let y = try builder.parameter("y", .f32, Shape([1, width]))
    let graph = try builder.build([try x.matmul(y).cast(to: dtype)])
    let feeds = try [
      Tensor((0..<width).map { Float($0 % 7 + 1) }, [width, 1]),
      Tensor([Float](repeating: 1, count: width), [1, width]),
    ]
    let expected = (0..<width).flatMap { row in
      [Double](repeating: dtype == .bool ? 1 : Double(row % 7 + 1), count: width)
    }
    for workers in [1, 2] {
      let session = Session(backend: NativeBackend(workers: workers))
      #expect(try session.load(graph).run(feeds)[0].doubles() == expected)
    }
  }

  /// The same where the tail is found in a loop: LLVM knows the mask when it has unrolled it.
  @Test(arguments: [DType.bf16, .f16, .i8, .u8, .bool, .i64], [1, 9, 17, 33, 49])
  func tailsThatLoopsFind(_ dtype: DType, _ channels: Int) throws {
    let graph = try Graph.parse(
      """
      graph @rows(%x: i32[2, 2, \(channels)]) {
        %s = reduce_window_sum(%x, window: [2], padding: same)
        %y = cast(%s, dtype: \(dtype))
        return %y
      }
      """)[0]
    let x = try Tensor((0..<4 * channels).map { Int32($0 % 50 + 1) }, [2, 2, channels])
    let expected = try Interpreter(graph).run([x], variables: []).outputs[0]
    for level in CodeLevel.allCases {
      var backend = NativeBackend(workers: 2)
      (backend.level, backend.cache) = (level, nil)
      let results = try backend.compile(backend.optimized(graph)).run([x], variables: []).outputs
      #expect(results[0] == expected, "\(level)")
    }
  }
}
