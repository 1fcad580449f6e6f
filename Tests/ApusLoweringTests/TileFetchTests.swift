import Apus
import ApusCore
import ApusKernelInterpreter
import ApusKernels
import ApusNative
import Foundation
import Testing

@testable import ApusLowering

/// What tiles of a product ask for ahead: lines that they alone write or read, spread evenly over the steps of k.
@Suite struct TileFetchTests {
  /// The kernel of a product to which a tensor of its shape is added.
  private static func kernel(_ m: Int, _ k: Int, _ n: Int) throws -> Kernel {
    let graph = try Graph.parse(
      """
      graph @product(%x: f32[\(m), \(k)], %y: f32[\(k), \(n)], %z: f32[\(m), \(n)]) {
        %p = matmul(%x, %y)
        %s = add(%p, %z)
        return %s
      }

      """)[0]
    let backend = NativeBackend(target: try .named("x86-64-v4"))
    let kernels = try backend.plan(backend.optimized(graph)).program.kernels
    return try #require(kernels.last { $0.name.hasPrefix("matmul") })
  }

  private static func lines(_ kernel: Kernel, with text: String) -> [String] {
    kernel.description.split(separator: "\n").map(String.init).filter { $0.contains(text) }
  }

  /// Tiles have 14 rows of two vectors and the last one fewer: a row is fetched every 256 / 14 or 56 / 14 steps. What is
  /// read goes to the second cache where k is long.
  @Test(arguments: [(256, 18, 2), (56, 4, 1), (64, 4, 1), (65, 4, 2)])
  func rowsAreFetchedEvenly(_ k: Int, _ interval: Int, _ level: Int) throws {
    let kernel = try Self.kernel(140, k, 64)
    #expect(Self.lines(kernel, with: "level 1 to write").count == 2, "\(kernel)")
    let reads = Self.lines(kernel, with: "prefetch b2")
    #expect(reads.count == 2 && reads.allSatisfy { $0.hasSuffix("level \(level)") }, "\(reads)")
    #expect(Self.lines(kernel, with: " step \(interval) carrying").count == 1, "\(kernel)")
  }

  /// A single row lies in one piece.
  @Test func aRowIsNotFetched() throws {
    #expect(Self.lines(try Self.kernel(1, 256, 64), with: "to write").isEmpty)
  }

  /// Every line of the result is asked for, and none beyond it: each hint is made a store to a tensor of its own.
  @Test(arguments: [(140, 256, 64), (75, 29, 48), (33, 65, 32), (45, 700, 96), (30, 16, 32)])
  func allLinesAreFetched(_ m: Int, _ k: Int, _ n: Int) throws {
    let kernel = try Self.kernel(m, k, n)
    let result = try #require(kernel.buffers.lastIndex { $0.use == .write })
    let marks = kernel.buffers.count
    let one = kernel.description.matches(of: #/%(\d+)/#).compactMap { Int($0.1) }.reduce(0, max) + 1
    let text = kernel.description
      .replacing(") units", with: ", b\(marks): write f32[\(m * n)]) units")
      .replacing(" {\n", with: " {\n  %\(one): f32 = constant 1.0\n", maxReplacements: 1)
      .replacing(#/prefetch b(\d+)\[(%\d+)\], level 1 to write/#) { match in
        match.1 == "\(result)" ? "store b\(marks)[\(match.2)], %\(one)" : match.0
      }
    let changed = try InterpretedKernel(try #require(try Kernel.parse(text).first))
    var memory = kernel.buffers.map { [Float](repeating: 1, count: $0.count) }
    memory.append([Float](repeating: 0, count: m * n))
    let addresses = memory.map { list in
      let address = UnsafeMutableBufferPointer<Float>.allocate(capacity: list.count)
      _ = address.initialize(from: list)
      return address
    }
    defer { for address in addresses { address.deallocate() } }
    let failure = try changed.run(addresses.map { UnsafeMutableRawPointer($0.baseAddress!) })
    #expect(failure == nil)
    let missing = stride(from: 0, to: m * n, by: 16).filter { addresses[marks][$0] != 1 }
    #expect(missing.isEmpty, "\(missing.count) lines of \(m * n / 16)")
  }
}
