import ApusCore
import ApusGraph
import ApusKernels
import ApusLowering
import ApusOperators
import ApusPasses
import ApusPlanning
import Foundation
import Synchronization

/// One way to compile a graph, measured.
public struct TuningTrial: Sendable, Hashable {
  /// How the convolutions are computed.
  public enum Way: Sendable, Hashable {
    /// As the cost model says.
    case costModel
    /// All in one way: the side of Winograd's tiles; 1: none.
    case uniform(Int)
    /// Each in the way that was the fastest by itself.
    case perLayer
  }
  public let way: Way
  /// Median seconds of a run.
  public let seconds: Double
}

/// A layer by itself, measured.
public struct LayerTuning: Sendable, Hashable {
  /// As a record names it.
  public let text: String
  /// Median seconds of a run by the side of Winograd's tiles; 1: none.
  public let seconds: [Int: Double]

  /// The fastest.
  public var tile: Int { seconds.min { ($0.value, $0.key) < ($1.value, $1.key) }?.key ?? 1 }
}

/// What tuning found.
public struct TuningResult: Sendable, Hashable {
  /// Ways to compile the whole graph, the fastest first; empty where the graph leaves nothing to choose.
  public var trials: [TuningTrial] = []
  public var layers: [LayerTuning] = []
  /// What is remembered: the fastest way.
  public var record = TuningRecord()
}

/// Choices that measurement makes better than a model: kept beside the objects in the cache, under a key of the graph, the
/// processor and the number of workers. Results do not depend on them beyond rounding.
struct Tuning {
  /// Sides of Winograd's tiles that are tried; 1: none.
  static let tiles = [1, 2, 4]

  private static let version = "tuning 2"

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
  func record(in cache: ObjectCache?) -> TuningRecord? {
    guard let data = cache?.acrossBuilds.object(for: key) else { return nil }
    return try? TuningRecord(text: String(decoding: data, as: UTF8.self), file: "")
  }

  func remember(_ record: TuningRecord, in cache: ObjectCache?) {
    cache?.acrossBuilds.store(Data(record.text.utf8), for: key)
  }
}

extension NativeBackend {
  /// Measures each convolution by itself in each way that there is, then the whole graph in the ways that are the same for
  /// all layers, as the cost model says, and with the fastest of each layer; and records the fastest for `passes(for:)`.
  /// - Parameters:
  ///   - graph: static, before the passes.
  ///   - seconds: measures a run of it.
  ///   - layerSeconds: measures a run of a layer by itself, whose graph it gets.
  /// - Returns: what was measured, and what is recorded.
  public func tune(
    _ graph: Graph, seconds: (NativeExecutable) throws -> Double,
    layerSeconds: (Graph, NativeExecutable) throws -> Double
  ) throws -> TuningResult {
    guard let tuning = Tuning(graph, self) else { return TuningResult() }
    var result = TuningResult()
    for layer in try tunableLayers(of: graph) {
      let alone = try layer.graph()
      var times: [Int: Double] = [:]
      for tile in Tuning.tiles { times[tile] = try layerSeconds(alone, untuned(tile: tile).executable(of: alone)) }
      result.layers.append(LayerTuning(text: layer.text, seconds: times))
    }
    // Nothing to choose: an image of one channel and the like.
    guard !result.layers.isEmpty else { return TuningResult() }

    func record(_ way: TuningTrial.Way) -> TuningRecord {
      var record = TuningRecord()
      for layer in result.layers {
        switch way {
        case .costModel: break
        case .uniform(let tile): record[layer.text] = tile
        case .perLayer: record[layer.text] = layer.tile
        }
      }
      return record
    }
    // Of ways that take the same time the first one is taken.
    var measured: [(graph: Graph, seconds: Double)] = []
    for way in [.costModel] + Tuning.tiles.map(TuningTrial.Way.uniform) + [.perLayer] {
      var backend = untuned(tile: 0)
      backend.tuning = record(way)
      let optimized = try Compilation(backend: backend).optimized(graph).graph
      // Ways that come to the same graph take the same time, whatever else the machine does.
      let known = measured.first { $0.graph == optimized }?.seconds
      let time = try known ?? seconds(backend.executable(optimized))
      if known == nil { measured.append((optimized, time)) }
      result.trials.append(TuningTrial(way: way, seconds: time))
    }
    let order = result.trials.indices.sorted { (result.trials[$0].seconds, $0) < (result.trials[$1].seconds, $1) }
    result.trials = order.map { result.trials[$0] }
    result.record = record(result.trials[0].way)
    tuning.remember(result.record, in: cache)
    return result
  }

  private func untuned(tile: Int) -> NativeBackend {
    var backend = self
    (backend.winogradTile, backend.isTuned, backend.tuning) = (tile, false, nil)
    return backend
  }

  private func executable(of graph: Graph) throws -> NativeExecutable {
    try executable(Compilation(backend: self).optimized(graph).graph)
  }

  /// The layers that leave a choice, each text once, in the order of the graph.
  private func tunableLayers(of graph: Graph) throws -> [TunableLayer] {
    let found = Mutex<[TunableLayer]>([])
    var backend = untuned(tile: 0)
    backend.winogradChoice = { layer in
      found.withLock { layers in
        if !layers.contains(where: { $0.text == layer.text }) { layers.append(layer) }
      }
      return 1
    }
    _ = try Compilation(backend: backend).optimized(graph)
    return found.withLock { $0 }
  }

  /// What tuning has found for a graph; nil: nothing, or something else is wanted.
  package func remembered(for graph: Graph) -> TuningRecord? {
    isTuned && winogradTile == 0 ? Tuning(graph, self)?.record(in: cache) : nil
  }

  /// What the record that is given says, or else what tuning has found for a graph.
  func choice(for graph: Graph) -> (@Sendable (TunableLayer) -> Int?)? {
    if let winogradChoice { return winogradChoice }
    guard let record = tuning ?? remembered(for: graph) else { return nil }
    return { layer in record[layer.text] }
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
