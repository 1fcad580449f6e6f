import ApusPresentation

/// Draws the losses as curves in the terminal while training runs. Elsewhere it does nothing. To be used with
/// `verbose: .silent`, because a progress bar would write into the drawing.
public final class LivePlot: Callback {
  /// Seconds between two drawings.
  private static let interval = 0.2
  /// More points than a terminal has dots: then every second one is left out.
  private static let most = 4096

  private let output: ProgressOutput
  private let width: Int
  private let height: Int
  private let clock: () -> Double

  private var curves: [TerminalChart.Curve] = []
  private var steps = 0
  private var stepsPerPoint = 1
  private var epoch = 0
  private var drawnAt: Double?
  private var drawnLines = 0

  /// - Parameters:
  ///   - width: columns of the terminal.
  ///   - height: lines of the drawing; one more says how training stands.
  ///   - clock: seconds from any fixed point.
  public init(
    output: ProgressOutput = .standard, width: Int = 80, height: Int = 14,
    clock: @escaping () -> Double = ProgressBar.monotonicClock
  ) {
    (self.output, self.width, self.height, self.clock) = (output, width, height, clock)
  }

  public var watchesBatches: Bool { output.isTerminal }

  public func trainingBegins(_ trainer: Trainer) {
    curves = [.init(name: "loss", points: [])]
    (steps, stepsPerPoint, drawnAt, drawnLines) = (0, 1, nil, 0)
  }

  public func epochBegins(_ epoch: Int, _ trainer: Trainer) { self.epoch = epoch }

  public func batchEnds(_ batch: Int, _ logs: [String: Double], _ trainer: Trainer) {
    guard output.isTerminal else { return }
    steps += 1
    if steps.isMultiple(of: stepsPerPoint), let loss = logs["loss"] { curves[0].points.append((Double(steps), loss)) }
    if curves[0].points.count >= Self.most {
      curves[0].points = curves[0].points.enumerated().filter { !$0.offset.isMultiple(of: 2) }.map(\.element)
      stepsPerPoint *= 2
    }
    if let drawnAt, clock() - drawnAt < Self.interval { return }
    draw(logs)
  }

  public func epochEnds(_ epoch: Int, _ logs: [String: Double], _ trainer: Trainer) {
    guard output.isTerminal else { return }
    if let loss = logs["val_loss"] {
      if curves.count == 1 { curves.append(.init(name: "val_loss", points: [])) }
      curves[1].points.append((Double(steps), loss))
    }
    draw(logs)
  }

  private func draw(_ logs: [String: Double]) {
    drawnAt = clock()
    let chart = TerminalChart(curves: curves, width: width, height: height)
    let status = String(
      "epoch \(epoch + 1), step \(steps)\(LogFormat.logs(logs.map { ($0.key, $0.value) }))".prefix(max(0, width)))
    let lines = chart.lines(inColors: true) + [status]
    // Up to the first line of the last drawing; each line is cleared before it is written.
    let up = drawnLines > 0 ? "\u{1B}[\(drawnLines)A" : ""
    output.write(up + lines.map { "\r\u{1B}[2K\($0)\n" }.joined())
    drawnLines = lines.count
  }
}
