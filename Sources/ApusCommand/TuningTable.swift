import ApusMeasurement
import ApusNative
import Foundation

/// What `bench --tune` prints: each layer in each way, then the whole graph.
struct TuningTable {
  let result: TuningResult

  init(_ result: TuningResult) { self.result = result }

  var text: String {
    if result.trials.isEmpty {
      return "tune: there is nothing to choose: no convolution can be computed in another way\n"
    }
    let layers = result.layers.map { layer in
      let ways = layer.seconds.sorted { $0.key < $1.key }.map { tile, seconds in
        String(
          format: "%@%@ %.4f ms", tile == layer.tile ? "*" : " ", tile == 1 ? "direct" : "\(tile)×\(tile)",
          seconds * 1e3)
      }
      return "tune: " + ways.joined(separator: "  ") + "  \(layer.text)\n"
    }
    let trials = result.trials.enumerated().map { position, trial in
      String(format: "tune: %10.4f ms  ", trial.seconds * 1e3) + Self.name(of: trial.way)
        + (position == 0 ? ": remembered\n" : "\n")
    }
    return (layers + trials).joined()
  }

  private static func name(of way: TuningTrial.Way) -> String {
    switch way {
    case .costModel: "as the cost model says"
    case .uniform(1): "no Winograd tiles"
    case .uniform(let tile): "tiles of \(tile)×\(tile) wherever they apply"
    case .perLayer: "each layer as it is the fastest by itself"
    }
  }
}
