import Foundation

/// The progress of one epoch, or of an evaluation, in Keras's form.
///
/// ```
/// 1500/1500 ━━━━━━━━━━━━━━━━━━━━ 2s 1ms/step - accuracy: 0.8166 - loss: 0.5204        (bar)
/// 1500/1500 - 1s - 852us/step - accuracy: 0.8166 - loss: 0.5204 - val_loss: 0.4744    (line)
/// ```
///
/// The bar is redrawn in place at most every 0.05 s, with the time that is left; a file or a pipe gets the finished bar
/// only, without colors. Metrics are shown as they are given: their running means are the caller's.
public struct ProgressBar {
  /// Characters that the bar proper takes.
  private static let width = 20
  /// Seconds between two updates.
  private static let interval = 0.05

  private let target: Int
  private let verbosity: Verbosity
  private let isTerminal: Bool
  private let clock: () -> Double
  private let write: (String) -> Void

  private let start: Double
  private var firstStepEnd: Double?
  private var lastUpdate: Double?
  /// Visible characters of the line that the next one covers.
  private var drawnWidth = 0

  /// Starts the clock.
  /// - Parameters:
  ///   - target: how many steps there will be.
  ///   - isTerminal: what is written is seen on a terminal: colors and redrawing make sense.
  ///   - clock: seconds from any fixed point.
  ///   - write: takes the text, newlines included.
  public init(
    target: Int, verbosity: Verbosity = .auto, isTerminal: Bool,
    clock: @escaping () -> Double = ProgressBar.monotonicClock, write: @escaping (String) -> Void
  ) {
    self.target = max(target, 1)
    self.verbosity = verbosity.resolved(isTerminal: isTerminal)
    self.isTerminal = isTerminal
    self.clock = clock
    self.write = write
    start = clock()
  }

  /// Seconds of a clock that never goes back.
  public static func monotonicClock() -> Double {
    Double(DispatchTime.now().uptimeNanoseconds) * 1e-9
  }

  /// `Epoch 1/5` and a newline; Keras leaves it out where there is only one epoch.
  public static func epochHeader(_ epoch: Int, of epochs: Int) -> String { "Epoch \(epoch)/\(epochs)\n" }

  /// Tells that `current` of the steps are done.
  public mutating func update(_ current: Int, logs: [(name: String, value: Double)] = []) {
    guard verbosity == .bar else { return }
    let now = clock()
    let stepTime = stepDuration(current, now)
    guard isTerminal else { return }
    if let lastUpdate, now - lastUpdate < ProgressBar.interval { return }
    lastUpdate = now
    let remaining = LogFormat.remaining(stepTime * Double(max(target - current, 0)))
    draw(current, time: remaining, stepTime: stepTime, logs: logs, isLast: false)
  }

  /// Tells that all steps are done: the line gets its final form, with the time taken.
  /// - Parameters:
  ///   - steps: how many were done; all of them if nil.
  ///   - mark: what the line ends with, as ` - the loss is nan from batch 3 on`.
  public mutating func finish(at steps: Int? = nil, logs: [(name: String, value: Double)] = [], mark: String = "") {
    let now = clock()
    let done = min(steps ?? target, target)
    let stepTime = stepDuration(done, now)
    let elapsed = String(format: "%.0fs", now - start)
    switch verbosity {
    case .bar: draw(done, time: elapsed, stepTime: stepTime, logs: logs, mark: mark, isLast: true)
    case .line:
      write("\(done)/\(target) - \(elapsed) - \(LogFormat.perStep(stepTime))\(LogFormat.logs(logs))\(mark)\n")
    case .auto, .silent: break
    }
  }

  /// Seconds a step, without the first, which has the compilation in it.
  private mutating func stepDuration(_ current: Int, _ now: Double) -> Double {
    guard current > 0 else { return 0 }
    if current > 1, let firstStepEnd { return (now - firstStepEnd) / Double(current - 1) }
    if current == 1, firstStepEnd == nil { firstStepEnd = now }
    return (now - start) / Double(current)
  }

  private mutating func draw(
    _ current: Int, time: String, stepTime: Double, logs: [(name: String, value: Double)], mark: String = "",
    isLast: Bool
  ) {
    let total = String(target)
    let count = String(current)
    let counter = String(repeating: " ", count: max(total.count - count.count, 0)) + "\(count)/\(total)"
    let done = min(ProgressBar.width * current / target, ProgressBar.width)
    let tail = " \(LogFormat.perStep(stepTime))\(LogFormat.logs(logs))\(mark)"

    let dash = "━"
    let full = String(repeating: dash, count: done)
    let empty = String(repeating: dash, count: ProgressBar.width - done)
    let visible = counter.count + 1 + ProgressBar.width + 1 + time.count + tail.count
    var text = isTerminal ? "\r" : ""
    text += bold(counter) + " " + color(32, full) + color(37, empty) + " " + bold(time) + tail
    // A shorter line must cover the longer one before it.
    text += String(repeating: " ", count: max(drawnWidth - visible, 0))
    drawnWidth = visible
    write(text + (isLast ? "\n" : ""))
  }

  private func bold(_ text: String) -> String { isTerminal ? "\u{1B}[1m\(text)\u{1B}[0m" : text }

  /// - Parameter code: 32 is green, 37 gray.
  private func color(_ code: Int, _ text: String) -> String {
    isTerminal && !text.isEmpty ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
  }
}
