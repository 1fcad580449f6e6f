extension Report {
  /// What judges said of the passes.
  public struct Verdict: Codable, Sendable {
    /// The first fault in a line, or that there is none.
    public var headline: String
    /// One for each pass of the pipeline, those that were not run included.
    public var passes: [PassVerdict]
    /// What else was judged: gradients, kernels.
    public var checks: [Check]
    /// What could not be compared, and why.
    public var omissions: [String]
    /// What bisection found.
    public var fault: Fault?

    /// Whether nothing is wrong.
    public var isSound: Bool { fault == nil && passes.allSatisfy { $0.fault == nil } && checks.allSatisfy(\.isSound) }
  }

  public struct PassVerdict: Codable, Sendable {
    public enum Status: String, Codable, Sendable {
      /// Its result computes what it was given, as closely as the comparison says.
      case passed
      case failed
      /// The pipeline or the verifier does not take its result.
      case refused
      /// It changed nothing: there is nothing to compare.
      case unchanged
      /// No run succeeded, so nothing could be compared.
      case undecided
      /// One before it was refused.
      case notRun = "not run"
    }

    public var name: String
    public var status: Status
    /// With what, how closely and on which inputs it was compared; or why it was not.
    public var comparison: String
    public var fault: Fault?
  }

  /// What is wrong with a result.
  public struct Fault: Codable, Sendable {
    /// The position of the pass; nil: the graph itself.
    public var pass: Int?
    /// The output, the element, both values and the inputs.
    public var reason: String
    public var inputs: String?
    public var first: Divergence?
    /// How far elements are apart: those of the first tensor that differs, or of the output.
    public var histogram: [Bar]
    public var rewrite: RewriteFault?
    public var small: SmallGraph?
  }

  /// The first tensor that differs.
  public struct Divergence: Codable, Sendable {
    /// The line of its node, and its position in the stage after the pass, if it is that stage's.
    public var text: String
    public var node: Int?
    public var difference: String
  }

  /// Elements that are so many units in the last place apart.
  public struct Bar: Codable, Sendable, Hashable {
    public var distance: String
    public var count: Int
  }

  /// The rewrite after which the result is wrong.
  public struct RewriteFault: Codable, Sendable {
    /// Among the rewrites of its pass, from 1, and how many there are.
    public var number: Int
    public var count: Int
    /// Counted over all passes, as `apus opt --rewrite-limit` counts.
    public var limit: Int
    /// Nil if the pipeline refuses its result.
    public var step: RewriteStep?
  }

  /// A graph that the pass at fault breaks.
  public struct SmallGraph: Codable, Sendable {
    public var text: String
    /// What shows the fault, if the graph is in `small.graph`.
    public var command: String
  }

  /// Something else than a pass that was judged.
  public struct Check: Codable, Sendable {
    public var name: String
    public var isSound: Bool
    public var words: String
    public var details: String?
    /// The launch at fault, as plans name it.
    public var launch: String?

    public init(_ name: String, isSound: Bool, _ words: String, details: String? = nil, launch: String? = nil) {
      (self.name, self.isSound, self.words, self.details, self.launch) = (name, isSound, words, details, launch)
    }
  }
}
