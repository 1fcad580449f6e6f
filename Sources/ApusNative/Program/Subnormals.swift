import ApusGraph

/// What native code makes of results that are not 0 but below the least normal number of their type: 2⁻¹²⁶ in f32,
/// 2⁻¹⁰²² in f64.
public enum Subnormals: String, CaseIterable, Sendable {
  /// They are kept, but flushed in programs that update variables: training steps.
  case auto
  /// They are kept, as IEEE 754 has it.
  case keep
  /// They become zeros of their sign, except in f16 and bf16. Numbers that a program is given are read as they are, and
  /// what is computed once, before the first run, keeps them.
  case flush

  /// Running means of gradients that have become 0 shrink by a constant factor each step, and after some hundred steps
  /// are subnormal for good. Many processors take far longer for an operation on one: on
  /// a Xeon a training step with Adam takes three times as long (Docs/Native.md).
  func areFlushed(in graph: Graph) -> Bool {
    switch self {
    case .auto: !graph.updates.isEmpty
    case .keep: false
    case .flush: true
    }
  }
}
