import ApusCore
import ApusGraph
import ApusKernels
import ApusLowering
import ApusOperators
import ApusPasses
import ApusPlanning
import Foundation

/// Choices that measurement makes better than a model: kept beside the objects in the cache, under a key of the graph, the
/// processor and the number of workers. Results do not depend on them beyond rounding.
struct Tuning {
  /// A way to compile a graph, and the seconds that a run took.
  typealias Trial = (tile: Int, seconds: Double)

  /// Sides of Winograd's tiles that are tried; 1: none.
  static let tiles = [1, 2, 4]

  private static let version = "tuning 1"

  private let key: [UInt8]

  /// Nil if a graph leaves nothing to choose.
  init?(_ graph: Graph, _ backend: NativeBackend) {
    guard graph.hasConvolutions else { return nil }
    var bytes = CanonicalBytes()
    for text in [
      Tuning.version, backend.target.triple, backend.target.cpu, backend.target.features, graph.text(.exact),
    ] {
      bytes.append(text)
    }
    bytes.append(backend.workers)
    bytes.append(backend.memoryLimit)
    key = SHA256.hash(bytes.bytes)
  }

  /// What is remembered; nil: nothing, or nothing that makes sense.
  func tile(in cache: ObjectCache?) -> Int? {
    guard let data = cache?.acrossBuilds.object(for: key), let tile = Int(String(decoding: data, as: UTF8.self)),
      tile == 0 || Tuning.tiles.contains(tile)
    else { return nil }
    return tile
  }

  func remember(_ tile: Int, in cache: ObjectCache?) { cache?.acrossBuilds.store(Data("\(tile)".utf8), for: key) }
}

extension NativeBackend {
  /// Compiles a static graph in each way that there is, measures it, and records the fastest for `passes(for:)`.
  /// - Parameters:
  ///   - graph: before the passes.
  ///   - seconds: measures a run.
  /// - Returns: the ways tried, the fastest first: the side of Winograd's tiles (0: as the cost model says, 1: none), with
  ///   what `seconds` gave; empty where the graph leaves nothing to choose.
  public func tune(
    _ graph: Graph, seconds: (NativeExecutable) throws -> Double
  ) throws -> [(winogradTile: Int, seconds: Double)] {
    guard let tuning = Tuning(graph, self) else { return [] }
    var trials: [Tuning.Trial] = []
    for tile in [0] + Tuning.tiles {
      var backend = self
      (backend.winogradTile, backend.isTuned) = (tile, false)
      let optimized = try Compilation(backend: backend).optimized(graph).graph
      trials.append((tile, try seconds(backend.executable(optimized))))
    }
    trials.sort { ($0.seconds, $0.tile) < ($1.seconds, $1.tile) }
    if let best = trials.first { tuning.remember(best.tile, in: cache) }
    return trials.map { ($0.tile, $0.seconds) }
  }

  /// With what tuning has found for a graph, if anything.
  package func tuned(for graph: Graph) -> NativeBackend {
    guard isTuned, winogradTile == 0, let tile = Tuning(graph, self)?.tile(in: cache) else { return self }
    var backend = self
    backend.winogradTile = tile
    return backend
  }
}

extension Graph {
  /// Whether there is a convolution here or in a region.
  fileprivate var hasConvolutions: Bool {
    nodes.contains {
      $0.op.traits.contains(.contraction) && $0.op is any ConvolutionOperator
        || $0.regions.contains(where: \.hasConvolutions)
    }
  }
}
