import Apus
import ApusNative
import TestSupport
import Testing

/// A NaN is one in every float type, whatever its bits are: the upper half of some is that of an infinity, and rounding
/// carries others to zero.
@Suite struct NaNCastTests {
  @Test(arguments: [DType.bf16, .f16, .f32, .f64]) func everyNaNStaysOne(_ target: DType) throws {
    let singles: [UInt32] = [0x7f80_0001, 0x7f80_7fff, 0x7f80_8000, 0x7fbf_ffff, 0x7fc0_0000, 0x7fff_ffff]
    let floats = (singles + singles.map { $0 | 1 << 31 }).map { Float(bitPattern: $0) }
    let doubles: [UInt64] = [
      0x7ff0_0000_0000_0001, 0x7ff0_0000_2000_0000, 0x7ff7_ffff_ffff_ffff, 0x7fff_ffff_ffff_ffff,
    ]
    let wide = (doubles + doubles.map { $0 | 1 << 63 }).map { Double(bitPattern: $0) }
    for x in [Tensor(floats + floats + [1]), Tensor(wide + wide + [1])] {
      let builder = GraphBuilder("cast")
      let graph = try builder.build([builder.parameter("x", x.dtype, x.shape).cast(to: target)])
      for backend in [InterpreterBackend(), NativeBackend(workers: 1, verifies: true)] as [any Backend] {
        let results = try backend.prepare(graph).run([x], variables: []).outputs[0].doubles()
        #expect(results.map(\.isNaN) == x.doubles().map(\.isNaN), "\(backend), \(x.dtype)")
      }
    }
  }
}
