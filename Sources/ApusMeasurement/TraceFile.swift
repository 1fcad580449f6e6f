import ApusNative
import ApusPlanning

/// A run in the trace event format, which Perfetto (ui.perfetto.dev) and Chrome (chrome://tracing) read: a row for each
/// worker, a slice for each launch and each wait. Times are microseconds.
public struct TraceFile: Encodable {
  struct Event: Encodable {
    let name: String
    /// `X`: a slice; `M`: a worker's name.
    let ph: String
    let cat: String?
    let pid: Int
    let tid: Int
    let ts: Double?
    let dur: Double?
    let args: [String: Argument]
  }

  enum Argument: Encodable {
    case text(String)
    case number(Int)

    func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      switch self {
      case .text(let text): try container.encode(text)
      case .number(let number): try container.encode(number)
      }
    }
  }

  let traceEvents: [Event]
  let displayTimeUnit = "ns"

  private enum CodingKeys: String, CodingKey { case traceEvents, displayTimeUnit }

  init(_ program: KernelProgram, _ trace: RunTrace) {
    let launches = program.launches
    let names = Set(trace.events.map(\.worker)).sorted().map { worker in
      Event(
        name: "thread_name", ph: "M", cat: nil, pid: 1, tid: worker, ts: nil, dur: nil,
        args: ["name": .text("worker \(worker)")])
    }
    traceEvents =
      names
      + trace.events.map { event in
        let launch = event.launch.map { launches[$0] }
        return Event(
          name: launch.map { program.kernels[$0.kernel].name } ?? "barrier", ph: "X",
          cat: launch == nil ? "wait" : "launch", pid: 1, tid: event.worker, ts: event.start * 1e6,
          dur: event.seconds * 1e6,
          args: launch.map {
            ["node": .text($0.origin), "flops": .number($0.flopCount), "bytes": .number($0.byteCount)]
          } ?? [:])
      }
  }
}
