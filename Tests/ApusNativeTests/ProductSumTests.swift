import Apus
import ApusKernels
import ApusNative
import TestSupport
import Testing

/// Where native code adds a product without rounding it first, and where it must not.
@Suite struct ProductSumTests {
  private static func numbers(_ stream: UInt64, _ dimensions: [Int] = [1000]) throws -> Tensor {
    try Tensor(samples(dimensions, stream: stream).doubles().map { Float($0) }, dimensions)
  }

  /// Differences of products that are equal: 0, whichever way they are written. Operands are a, b = a, c, d = c, and a row.
  @Test(arguments: [
    "%p = multiply(%a, %a)\n%q = multiply(%b, %b)\n%r = subtract(%p, %q)",
    "%p = multiply(%a, %c)\n%q = multiply(%d, %b)\n%r = subtract(%q, %p)",
    "%p = multiply(%a, %c)\n%q = multiply(%b, %d)\n%n = negate(%p)\n%r = add(%n, %q)",
    "%k: f32 = constant(0.3)\n%p = multiply(%a, %k)\n%q = multiply(%k, %b)\n%r = subtract(%p, %q)",
    "%k: f32 = constant(0.3)\n%m: f32 = constant(-0.3)\n%p = multiply(%a, %k)\n%q = multiply(%b, %m)\n%r = add(%p, %q)",
    "%p = multiply(%a, %a)\n%q = multiply(%b, %b)\n%d2 = subtract(%p, %q)\n%r = sqrt(%d2)",
    "%p = multiply(%a, %c)\n%s = broadcast(%p, shape: [1, 1000])\n%q = multiply(%row, %d)\n%r = subtract(%s, %q)",
    "%p = multiply(%a, %c)\n%t = stop_gradient(%p)\n%q = multiply(%b, %d)\n%r = subtract(%t, %q)",
    "%p = multiply(%a, %c)\n%q = multiply(%b, %d)\n%m = add(%q, %q)\n%h = subtract(%p, %q)\n%z = multiply(%m, %h)\n"
      + "%r = add(%z, %h)",
  ])
  func equalProductsSubtractToZero(_ body: String) throws {
    let graph = try Graph.parse(
      """
      graph @difference(%a: f32[1000], %b: f32[1000], %c: f32[1000], %d: f32[1000], %row: f32[1, 1000]) {
        \(body)
        return %r
      }

      """)[0]
    let (a, c) = (try Self.numbers(1), try Self.numbers(2))
    let feeds = [a, a, c, c, try Self.numbers(1, [1, 1000])]
    for level in OptimizationLevel.allCases {
      let result = try NativeBackend(workers: 2, verifies: true).compile(graph, passes: .level(level))
        .run(feeds, variables: []).outputs[0]
      #expect(result.doubles().allSatisfy { $0 == 0 }, "\(level.name): \(body)")
    }
    #expect(
      try InterpreterBackend().prepare(graph).run(feeds, variables: []).outputs[0].doubles().allSatisfy { $0 == 0 })
  }

  /// A product that is read twice, or that is a result, is what its readers see: rounded.
  @Test(arguments: ["return %difference, %t", "%u = tanh(%t)\n%v = add(%u, %difference)\nreturn %difference, %v"])
  func aProductThatIsReadTwiceIsRounded(_ end: String) throws {
    let graph = try Graph.parse(
      """
      graph @twice(%a: f32[1000], %b: f32[1000], %rounded: f32[1000]) {
        %t = multiply(%a, %b)
        %difference = subtract(%t, %rounded)
        \(end)
      }

      """)[0]
    let (a, b) = (try Self.numbers(1), try Self.numbers(2))
    let products = zip(a.doubles(), b.doubles()).map { Float($0) * Float($1) }
    for level in OptimizationLevel.allCases {
      let result = try NativeBackend(workers: 2).compile(graph, passes: .level(level))
        .run([a, b, try Tensor(products, [1000])], variables: []).outputs[0]
      #expect(result.doubles().allSatisfy { $0 == 0 }, "\(level.name)")
    }
  }

  /// The only product of a sum, that nothing else reads, is one instruction with it, and rounded once.
  @Test(arguments: ["add(%p, %c)", "add(%c, %p)", "subtract(%p, %c)", "subtract(%c, %p)"])
  func aSingleProductIsContracted(_ sum: String) throws {
    let graph = try Graph.parse(
      """
      graph @single(%a: f32[1000], %b: f32[1000], %c: f32[1000]) {
        %p = multiply(%a, %b)
        %r = \(sum)
        return %r
      }

      """)[0]
    let feeds = try [Self.numbers(1), Self.numbers(2), Self.numbers(3)]
    let result = try NativeBackend(workers: 1).compile(graph).run(feeds, variables: []).outputs[0].elements(
      as: Float.self)
    let (a, b, c) = (
      feeds[0].elements(as: Float.self), feeds[1].elements(as: Float.self), feeds[2].elements(as: Float.self)
    )
    for i in 0..<1000 {
      let right =
        switch sum {
        case "subtract(%p, %c)": (-c[i]).addingProduct(a[i], b[i])
        case "subtract(%c, %p)": c[i].addingProduct(-a[i], b[i])
        default: c[i].addingProduct(a[i], b[i])
        }
      #expect(result[i] == right, "element \(i)")
    }
  }
}
