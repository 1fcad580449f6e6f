import Apus
import ApusNative
import ApusOperators
import ApusPasses
import Foundation
import TestSupport
import Testing

/// What measurement found is applied, and only by graphs that it was found for.
@Suite struct TuningTests {
  private static func graph(_ channels: Int) throws -> Graph {
    let builder = GraphBuilder("tuned")
    let x = try builder.parameter("x", .f32, Shape([1, 12, 12, channels]))
    let w = try builder.variable("w", .f32, Shape([3, 3, channels, 32]), .zeros)
    return try builder.build([x.convolution(w, padding: .same).relu()])
  }

  private static func usesTiles(_ graph: Graph, _ backend: NativeBackend) throws -> Bool {
    try backend.plan(backend.optimized(graph)).program.kernels.contains { $0.name.hasPrefix("winograd") }
  }

  private static func withCache(_ body: (NativeBackend) throws -> Void) rethrows {
    let folder = FileManager.default.temporaryDirectory.appending(path: "apus-tuning-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    var backend = NativeBackend(workers: 2)
    backend.cache = ObjectCache(folder: folder)
    try body(backend)
  }

  @Test func theFastestWayIsRemembered() throws {
    try Self.withCache { backend in
      let graph = try Self.graph(32)
      #expect(try Self.usesTiles(graph, backend))
      // Of three ways the second, without tiles, is said to be the fastest. The other two come to the same as one of them, and
      // are not measured.
      var times = [3.0, 1, 2][...]
      let found = try backend.tune(graph) { _ in
        times.removeFirst()
      } layerSeconds: { _, _ in
        1
      }
      #expect(found.trials.map(\.way) == [.uniform(1), .perLayer, .uniform(2), .costModel, .uniform(4)])
      #expect(found.trials.map(\.seconds) == [1, 1, 2, 3, 3])
      #expect(found.record.text.split(separator: "\n").count == 2)
      #expect(try !Self.usesTiles(graph, backend))
      // Not where a person says what they want, with another number of workers, or for another graph.
      var chosen = backend
      chosen.winogradTile = 2
      #expect(try Self.usesTiles(graph, chosen))
      chosen = backend
      chosen.tuning = TuningRecord()
      #expect(try Self.usesTiles(graph, chosen))
      var alone = backend
      alone.workers = 1
      #expect(try Self.usesTiles(graph, alone))
      #expect(try Self.usesTiles(Self.graph(64), backend))
    }
  }

  // MARK: Layers

  /// Two layers of different shapes, the second one twice, and one that leaves no choice.
  private static func layers() throws -> Graph {
    let builder = GraphBuilder("layers")
    let x = try builder.parameter("x", .f32, [1, 12, 12, 16])
    func filter(_ name: String, _ shape: Shape) throws -> Value {
      try builder.variable(name, .f32, shape, .glorotUniform)
    }
    let first = try x.convolution(filter("a", [3, 3, 16, 32]), padding: .same).relu()
    let second = try first.convolution(filter("b", [3, 3, 32, 32]), padding: .same).relu()
    let third = try second.convolution(filter("c", [3, 3, 32, 32]), padding: .same)
    return try builder.build([third.convolution(filter("d", [1, 1, 32, 8]))])
  }

  /// How many tiles' sides there are in the graph that is lowered.
  private static func tiles(_ graph: Graph, _ backend: NativeBackend) throws -> [Int] {
    func all(_ graph: Graph) -> [Int] {
      graph.nodes.flatMap { node in
        node.regions.flatMap(all) + ((node.op as? WinogradConvolution).map { [$0.tile] } ?? [])
      }
    }
    return try all(backend.optimized(graph)).sorted()
  }

  @Test func eachLayerGetsItsOwnWay() throws {
    try Self.withCache { backend in
      let graph = try Self.layers()
      var seen: [String] = []
      let found = try backend.tune(graph) { _ in
        seen.append("whole")
        return seen.count == 10 ? 1 : 2
      } layerSeconds: { layer, executable in
        // The layer by itself computes what it does in the graph.
        let op = try #require(layer.nodes.last?.op)
        seen.append(op.name)
        let image = try RandomInputs(seed: 1).tensor(for: layer.parameters[0], of: layer)
        let weights = try RandomInputs(seed: 2).tensor("w", layer.type(of: layer.variables[0].id))
        let output = try executable.run([image], variables: [weights]).outputs[0]
        #expect(output.dimensions == [1, 12, 12, 32])
        // Said to be the fastest: of the first layer tiles of 2 × 2, of the others the direct sum.
        return image.dimensions[3] == 16 ? [4, 2, 3][(seen.count - 1) % 3] : Double(seen.count)
      }
      #expect(found.layers.count == 2)
      #expect(found.layers.map(\.tile) == [2, 1])
      #expect(found.trials[0].way == .perLayer)
      #expect(try Self.tiles(graph, backend) == [2])
      // From its text it does the same where nothing is remembered.
      var other = NativeBackend(workers: 1)
      other.cache = nil
      #expect(try Self.tiles(graph, other).count == 3)
      other.tuning = try TuningRecord(text: found.record.text, file: "record")
      #expect(other.tuning == found.record)
      #expect(try Self.tiles(graph, other) == [2])
    }
  }

  @Test(arguments: [
    ("3  convolution(f32[1], f32[2])", "record:2:1", "'3' is not a way to compute a layer"),
    ("1  convolution(f32[1], f32[2])", "record:2:1", "direct, 2, 4 or 6"),
    ("direct", "record:2:1", "no layer follows"),
    ("  4  convolution", "record:2:6", "'convolution' is not a layer"),
    ("4  a(b)\ndirect a(b)  ", "record:3:8", "is in the record already"),
  ]) func faultsOfRecords(_ lines: String, _ place: String, _ message: String) {
    expectFault(.input, [place, message], location: #_sourceLocation) {
      try TuningRecord(text: "# comment\n\(lines)\n", file: "record")
    }
  }

  @Test func nothingToChoose() throws {
    let builder = GraphBuilder("plain")
    let x = try builder.parameter("x", .f32, [4])
    let plain = try builder.build([x.tanh()])
    #expect(
      try NativeBackend().tune(plain) { _ in
        1
      } layerSeconds: { _, _ in
        1
      }.trials.isEmpty)
  }
}
