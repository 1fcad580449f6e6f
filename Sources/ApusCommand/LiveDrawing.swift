import Apus

/// `train --live`.
enum LiveDrawing {
  /// What draws the loss; nil, with a warning, where it would not be seen.
  static func plot(_ progress: ProgressOutput) -> LivePlot? {
    guard progress.isTerminal else {
      Terminal.report(
        Diagnostic(
          .warning, "--live draws in a terminal, and the output is not one", help: "--plot FILE.svg draws into a file"))
      return nil
    }
    return LivePlot(output: progress, width: Terminal.width ?? 80)
  }
}
