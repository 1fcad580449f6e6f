import Apus
import Foundation

/// Where things are in the checkout that the tests were built from.
public enum Repository {
  public static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  public static func file(_ path: String) -> URL { root.appendingPathComponent(path) }

  public static func text(_ path: String) throws -> String { try String(contentsOf: file(path), encoding: .utf8) }

  /// All files below a folder with an ending, in order of their paths.
  public static func files(below folder: String, ending: String) -> [String] {
    let base = file(folder)
    guard let walk = FileManager.default.enumerator(at: base, includingPropertiesForKeys: nil) else { return [] }
    let prefix = root.path + "/"
    return walk.compactMap { $0 as? URL }.map(\.path).filter { $0.hasSuffix(ending) }
      .map { $0.hasPrefix(prefix) ? String($0.dropFirst(prefix.count)) : $0 }.sorted()
  }

  /// The program `apus`: the one that `APUS_TEST_PROGRAM` names, else the one that was built beside the test bundle.
  public static let program: URL = {
    if let path = ProcessInfo.processInfo.environment["APUS_TEST_PROGRAM"] { return URL(fileURLWithPath: path) }
    return products.appendingPathComponent("apus")
  }()

  /// Where the test bundle was built, and with it other programs of the package.
  public static let products: URL = {
    let bundle = Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") }?.bundleURL
    return bundle?.deletingLastPathComponent()
      ?? URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
  }()
}

/// A finished program run.
public struct ProgramResult: Sendable {
  public let status: Int32
  /// True where a signal ended it: a crash.
  public let wasSignalled: Bool
  public let output: String
  public let errors: String
}

private let startingProcesses = NSLock()

/// Runs a program to its end; one that takes longer than `limit` seconds is killed, which shows as a signal.
public func runProgram(
  _ program: URL = Repository.program, arguments: [String], input: [UInt8]? = nil, limit: TimeInterval = 60,
  in folder: URL = Repository.root
) throws -> ProgramResult {
  let process = Process()
  process.executableURL = program
  process.arguments = arguments
  process.currentDirectoryURL = folder
  let scratch = FileManager.default.temporaryDirectory.appendingPathComponent("apus-run-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: scratch) }
  // Files, not pipes: a program that prints much must not wait for a reader.
  func file(_ name: String, _ bytes: [UInt8] = []) throws -> FileHandle {
    let url = scratch.appendingPathComponent(name)
    try Data(bytes).write(to: url)
    return try FileHandle(forUpdating: url)
  }
  // Closed by hand: Foundation keeps a process that has ended, and a test run starts a thousand.
  var handles: [FileHandle] = []
  defer { for handle in handles { try? handle.close() } }
  handles.append(try file("in", input ?? []))
  handles.append(try file("out"))
  handles.append(try file("err"))
  process.standardInput = handles[0]
  process.standardOutput = handles[1]
  process.standardError = handles[2]
  let done = DispatchSemaphore(value: 0)
  process.terminationHandler = { _ in done.signal() }
  // One start at a time: what Foundation does to start a process is not safe on several threads at once.
  try startingProcesses.withLock { try process.run() }
  if done.wait(timeout: .now() + limit) == .timedOut {
    kill(process.processIdentifier, SIGKILL)
    done.wait()
  }
  func read(_ name: String) throws -> String {
    String(decoding: try Data(contentsOf: scratch.appendingPathComponent(name)), as: UTF8.self)
  }
  return ProgramResult(
    status: process.terminationStatus, wasSignalled: process.terminationReason == .uncaughtSignal,
    output: try read("out"), errors: try read("err"))
}
