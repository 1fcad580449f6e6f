import Apus
import ApusMeasurement
import Foundation
import TestSupport
import Testing

/// `apus bench --profile --trace`: the last run, worker by worker.
@Suite struct TraceTests {
  private struct Slice {
    let name: String
    let worker: Int
    let start: Double
    let length: Double
  }

  private static func slices(workers: Int) throws -> [Slice] {
    let graph = try GraphFile.load(Repository.file("Graphs/Models/cnn.graph").path)[0]
    let backend = NativeBackend(workers: workers, isProfiled: true)
    let result = try Benchmark(backend: backend, seconds: 0.05).runs(of: graph, batch: 4)
    let file = try #require(try result.trace())
    let object = try JSONSerialization.jsonObject(with: JSONEncoder().encode(file)) as? [String: Any]
    let events = try #require(object?["traceEvents"] as? [[String: Any]])
    #expect(events.filter { $0["ph"] as? String == "M" }.count == Set(events.compactMap { $0["tid"] as? Int }).count)
    return try events.filter { $0["ph"] as? String == "X" }.map { event in
      Slice(
        name: try #require(event["name"] as? String), worker: try #require(event["tid"] as? Int),
        start: try #require(event["ts"] as? Double), length: try #require(event["dur"] as? Double))
    }
  }

  @Test(arguments: [1, 2]) func slicesFollowEachOther(_ workers: Int) throws {
    let slices = try Self.slices(workers: workers)
    #expect(Set(slices.map(\.worker)).isSubset(of: 0..<workers) && slices.contains { $0.worker == 0 })
    #expect(slices.contains { $0.name == "barrier" } && slices.contains { $0.name.contains("convolution") })
    #expect(slices.map(\.start).min() == 0)
    for worker in 0..<workers {
      let own = slices.filter { $0.worker == worker }.sorted { $0.start < $1.start }
      for (one, next) in zip(own, own.dropFirst()) {
        #expect(one.length >= 0 && one.start + one.length <= next.start + 1e-3, "\(one) and \(next)")
      }
    }
  }

  /// One worker has no one to wait for: its slices are nearly all of the run.
  @Test func partsAddUpToTheRun() throws {
    let own = try Self.slices(workers: 1)
    let end = try #require(own.map { $0.start + $0.length }.max())
    #expect(own.reduce(0) { $0 + $1.length } > 0.95 * end)
  }

  @Test func withoutAProfileThereIsNone() throws {
    let graph = try GraphFile.load(Repository.file("Graphs/Models/logistic.graph").path)[0]
    let result = try Benchmark(backend: NativeBackend(workers: 1), seconds: 0.01).runs(of: graph, batch: 1)
    #expect(try result.trace() == nil)
  }
}
