import Apus
import ApusNative
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

  @Test func theFastestWayIsRemembered() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "apus-tuning-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    var backend = NativeBackend(workers: 2)
    backend.cache = ObjectCache(folder: folder)
    let graph = try Self.graph(32)
    #expect(try Self.usesTiles(graph, backend))
    // Of four ways the second, without tiles, is said to be the fastest.
    var times = [3.0, 1, 2, 4][...]
    let trials = try backend.tune(graph) { _ in times.removeFirst() }
    #expect(trials.map(\.winogradTile) == [1, 2, 0, 4])
    #expect(try !Self.usesTiles(graph, backend))
    // Not where a person says what they want, with another number of workers, or for another graph.
    var chosen = backend
    chosen.winogradTile = 2
    #expect(try Self.usesTiles(graph, chosen))
    var alone = backend
    alone.workers = 1
    #expect(try Self.usesTiles(graph, alone))
    #expect(try Self.usesTiles(Self.graph(64), backend))
  }

  @Test func nothingToChoose() throws {
    let builder = GraphBuilder("plain")
    let x = try builder.parameter("x", .f32, [4])
    #expect(try NativeBackend().tune(builder.build([x.tanh()])) { _ in 1 }.isEmpty)
  }
}
