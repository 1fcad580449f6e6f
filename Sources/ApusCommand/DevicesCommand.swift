import Apus
import ArgumentParser
import Foundation

struct DevicesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "devices", abstract: "Measures what this processor can do: the roof that kernels are compared with.",
    discussion: "  apus devices")

  @Flag(help: "Print the results as JSON.")
  var json = false

  private struct Report: Encodable {
    let cores: Int
    let cpu: String
    let gflopsF32: Double
    let gflopsF64: Double
    let gigabytesPerSecond: [String: Double]

    private enum CodingKeys: String, CodingKey {
      case cores, cpu
      case gflopsF32 = "gflops_f32"
      case gflopsF64 = "gflops_f64"
      case gigabytesPerSecond = "gb_per_s"
    }
  }

  func run() throws {
    let roof = try Roofline.measure()
    if json {
      try Terminal.writeJSON(
        Report(
          cores: WorkerTeam.defaultCount, cpu: NativeTarget.host.cpu, gflopsF32: roof.gigaflopsSingle,
          gflopsF64: roof.gigaflopsDouble,
          gigabytesPerSecond: Dictionary(
            roof.readBandwidth.map { ($0.name, $0.gigabytesPerSecond) }, uniquingKeysWith: { first, _ in first })))
      return
    }
    var lines = [
      "\(WorkerTeam.defaultCount) cores, \(NativeTarget.host.cpu); of one core:",
      String(format: "  %8.1f GFLOP/s  f32 multiply-adds", roof.gigaflopsSingle),
      String(format: "  %8.1f GFLOP/s  f64 multiply-adds", roof.gigaflopsDouble),
    ]
    for level in roof.readBandwidth {
      lines.append(
        String(format: "  %8.1f GB/s     reading ", level.gigabytesPerSecond)
          + "\(level.name) (\(level.bytes / 1024) KiB)")
    }
    Terminal.write(lines.joined(separator: "\n") + "\n")
  }
}
