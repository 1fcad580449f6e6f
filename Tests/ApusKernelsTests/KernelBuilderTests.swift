import ApusCore
import ApusKernels
import Testing

@Suite struct KernelBuilderTests {
  @Test func equalInstructionsInScopeAreOne() {
    let builder = KernelBuilder(target: .avx512)
    let x = builder.buffer(.f32, .read, count: 16)
    let a = builder.load(x, builder.index(0), lanes: 16)
    #expect(builder.binary(.add, a, a) == builder.binary(.add, a, a))
    #expect(builder.add(builder.index(3), 4) == builder.index(7))
  }

  /// What two kernels do is the same only if they do as much of it: lists of kernels keep both, and a plan that launches
  /// one never runs the other's units.
  @Test func kernelsDifferByTheirUnits() {
    func kernel(units: Int, name: String = "negate") -> Kernel {
      let builder = KernelBuilder(target: .avx512)
      let y = builder.buffer(.f32, .write, count: 64)
      builder.forEachUnit { unit in builder.store(y, unit, builder.constant(1.0, RegisterType(.f32))) }
      return builder.build(name: name, units: units)
    }
    #expect(kernel(units: 3) != kernel(units: 4))
    #expect(kernel(units: 3) == kernel(units: 3, name: "another name"))
    #expect(Set([kernel(units: 3), kernel(units: 4), kernel(units: 3, name: "another name")]).count == 2)
    #expect([kernel(units: 3)].firstIndex(of: kernel(units: 4)) == nil)
  }

  @Test func aKernelPrintsAsText() {
    let builder = KernelBuilder(target: .avx512)
    let x = builder.buffer(.f32, .read, count: 64)
    let y = builder.buffer(.f32, .write, count: 64)
    builder.forEachUnit { unit in
      let at = builder.multiply(unit, 16)
      builder.store(y, at, builder.unary(.negate, builder.load(x, at, lanes: 16)))
    }
    #expect(
      builder.build(name: "negate", units: 4).description == """
        kernel @negate(b0: read f32[64], b1: write f32[64]) units 4 {
          %0: i64 = first_unit
          %1: i64 = end_unit
          for %2: i64 = %0 to %1 step 1 {
            %3: i64 = constant 16
            %4: i64 = multiply %2, %3
            %5: f32x16 = load b0[%4]
            %6: f32x16 = negate %5
            store b1[%4], %6
          }
        }

        """)
  }
}
