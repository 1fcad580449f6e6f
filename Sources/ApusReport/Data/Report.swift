/// All that the page of `apus report` shows, as its script reads it: a compilation from the source line to the machine
/// code. Made by `ReportBuilder`, written by `ReportPage`.
///
/// A node's *address* is its position in the graph (`12`), or a path into regions: `12.0.3` is node 3 of the first region
/// of node 12.
public struct Report: Codable, Sendable {
  /// The graph's name.
  public var title: String
  /// How it was compiled, for people: `batch = 1`, `native`, `-O2`.
  public var settings: [String]
  /// What could not be shown, and why.
  public var notes: [String]
  public var source: SourceFile?
  public var passes: [Pass]
  /// Distinct graphs, in order: as given, then after each pass that changed something.
  public var stages: [Stage]
  /// From each stage to the next.
  public var links: [StageLinks]
  public var differences: [StageDifference]
  public var layouts: [Layout]
  /// What runs each time, then what runs once before it if there is such a program; empty without native code.
  public var programs: [ProgramData]
  public var roof: Roof?
  /// What judges said of the passes; nil if none was asked.
  public var verdict: Verdict?
}

extension Report {
  public struct SourceFile: Codable, Sendable {
    public var file: String
    public var lines: [String]
  }

  /// A number before and after.
  public struct Change: Codable, Sendable {
    public var before: Int
    public var after: Int
  }

  /// A pass that was run.
  public struct Pass: Codable, Sendable {
    public var name: String
    public var summary: String
    /// What its record states: `exact`, or how results may differ.
    public var precision: String
    public var milliseconds: Double
    /// Positions in `stages`; equal if it changed nothing.
    public var before: Int
    public var after: Int
    public var nodes: Change
    public var flops: Change
    public var bytes: Change
    /// Bytes of intermediate values needed at once (`MemoryEstimate`).
    public var peak: Change
    public var counts: [Count]
    public var remarks: [RemarkData]
    /// What it did, rewrite by rewrite; empty if it changed nothing.
    public var steps: [RewriteStep] = []
  }

  /// What a pass counts: its rewrites.
  public struct Count: Codable, Sendable {
    public var name: String
    public var summary: String
    public var count: Int
  }

  public struct RemarkData: Codable, Sendable {
    /// `applied` or `missed`.
    public var kind: String
    public var message: String
    /// In the source file.
    public var line: Int?
  }

  /// Measured limits of one core.
  public struct Roof: Codable, Sendable {
    /// 10⁹ operations a second in single and in double precision.
    public var gigaflops: Double
    public var gigaflopsDouble: Double
    /// How many cores shared each run.
    public var workers: Int
    public var levels: [Level]

    public struct Level: Codable, Sendable {
      public var name: String
      /// 10⁹ bytes a second.
      public var gigabytes: Double
    }
  }
}
