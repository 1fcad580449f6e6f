import Apus
import ApusCore
import ApusData
import ArgumentParser
import Foundation

/// Samples that are read while a model runs on them.
struct StreamOptions: ParsableArguments {
  @Flag(
    name: .customLong("stream"),
    help:
      "Read samples from --data FILE.npy and --target FILE.npy while they are needed: they may be larger than memory.")
  var isOn = false

  /// How many samples are looked at before any is trained on: by their targets a loss is chosen.
  private static let probe = 256

  /// The samples, and the first ones of them as data that are in memory.
  /// - Parameter weights: what the losses of samples are multiplied by.
  /// - Throws: `ApusError` if the data are of another kind, or options are given that need all of them at once.
  func open(_ data: DataOptions, weights: String?) throws -> (stream: ArrayStream, first: LoadedData) {
    let (reading, place) = (data.reading, data.data ?? "")
    guard place.lowercased().hasSuffix(".npy"), let target = reading.target else {
      throw ApusError.usage(
        "--stream reads arrays, and '\(data.data ?? DataOptions.standard)' is \(data.data == nil ? "a named data set" : "of another kind")",
        help: "--data FILE.npy --target FILE.npy; NumPy's open_memmap writes such files piece by piece")
    }
    for (option, isGiven) in [("--test-split", reading.testSplit ?? 0 > 0), ("--mix", reading.mix == true)]
    where isGiven {
      throw ApusError.usage(
        "\(option) needs all samples at once, and --stream reads some", help: "leave one of them out")
    }
    var choices = reading.choices
    choices.mixes = nil
    try DataReader.checkUse(of: choices, for: place)
    let paths = [place, target].map { ($0 as NSString).expandingTildeInPath }
    let bare = try ArrayStream(inputs: paths[0], targets: paths[1])
    let values = try weights.map { try DataReader.sampleWeights($0, count: bare.count, of: place) }
    let stream = try values.map { try ArrayStream(inputs: paths[0], targets: paths[1], sampleWeights: $0) } ?? bare
    let first = try stream.part(0..<min(stream.count, Self.probe), batchSize: Self.probe, shuffle: false)
    let batch = try first.samples(0..<first.count)
    let set = try Dataset(name: place, inputs: batch.inputs, targets: batch.targets)
    var encoding = InputEncoding()
    encoding.sampleWeights = weights
    return (
      stream,
      LoadedData(
        name: place, kind: "NPY files", train: set, test: nil, classNames: [], encoding: weights == nil ? nil : encoding
      )
    )
  }
}
