import ApusCore
import ApusGraph
import ApusKernels
import ApusLowering
import ApusPlanning

/// The C header of a compiled graph.
struct CInterface {
  /// Where a buffer of the program lies when C calls it.
  enum Source {
    case arena(offset: Int)
    case weights(offset: Int)
    case input(Int)
    case output(Int)
  }

  /// A variable's values in the weights.
  struct Variable {
    let label: String
    let offset: Int
    let byteCount: Int
  }

  let graph: Graph
  let program: KernelProgram
  let name: String
  let sources: [Source]
  let weightBytes: Int
  let variables: [Variable]

  struct Field {
    let name: String
    let type: TensorType
  }

  var inputs: [Field] { fields(graph.parameters, fallback: "input") }
  var outputs: [Field] { fields(graph.outputs, fallback: "output") }

  private func fields(_ values: [ValueID], fallback: String) -> [Field] {
    let names = CNames.fields(
      values.enumerated().map { position, id in
        graph.name(of: id) ?? (values.count == 1 ? fallback : "\(fallback)\(position)")
      })
    return zip(names, values).map { Field(name: $0, type: graph.type(of: $1)) }
  }

  /// Whether runs change the weights.
  private var isTraining: Bool { !graph.updates.isEmpty }

  var header: String {
    let upper = name.uppercased()
    let line = Memory.alignment
    let const = isTraining ? "" : "const "
    let indent = String(repeating: " ", count: name.count)
    return """
      /* Graph @\(graph.name), compiled ahead of time. C11 or C++; link with \(name).o. */
      #ifndef \(upper)_H
      #define \(upper)_H

      #include <stdint.h>
      #include <stdio.h>
      #include <stdlib.h>

      #ifdef __cplusplus
      #define \(upper)_ALIGNED alignas(\(line))
      extern "C" {
      #else
      #define \(upper)_ALIGNED _Alignas(\(line))
      #endif

      \(structure("inputs", inputs, isWritten: false))

      \(structure("outputs", outputs, isWritten: true))

      /* Bytes of the weights file, and of the memory that a run works in. */
      #define \(upper)_WEIGHTS_BYTES ((size_t)\(weightBytes))
      #define \(upper)_ARENA_BYTES ((size_t)\(max(Memory.alignment, program.arenaByteCount)))

      /* Memory for weights or an arena, to be given back with free(); NULL where there is none. */
      static inline void *\(name)_allocate(size_t bytes) {
        return aligned_alloc(\(line), (bytes + \(2 * line - 1)) / \(line) * \(line));
      }

      /* The weights in a file that was written beside this header, to be given back with free(); NULL where the file
         cannot be read or has another size. */
      static inline void *\(name)_load_weights(const char *path) {
        FILE *file = fopen(path, "rb");
        if (!file) return NULL;
        void *weights = \(name)_allocate(\(upper)_WEIGHTS_BYTES);
        if (weights && (fread(weights, 1, \(upper)_WEIGHTS_BYTES, file) != \(upper)_WEIGHTS_BYTES || fgetc(file) != EOF)) {
          free(weights);
          weights = NULL;
        }
        fclose(file);
        return weights;
      }
      \(isTraining ? variableTable : "")
      /* The compiled program; call \(name)_run instead. */
      void \(name)_program(void **bases, int64_t *status, void *sync, int64_t worker, int64_t workers, int64_t rounds);

      /* Fills the list of addresses that the program takes. */
      static inline void \(name)_bases(const \(name)_inputs *inputs, const \(name)_outputs *outputs, \(const)void *weights,
                         \(indent)void *arena, void **bases) {
        (void)inputs, (void)outputs, (void)weights, (void)arena, (void)bases;
      \(sources.enumerated().map { "  bases[\($0)] = \(expression($1));" }.joined(separator: "\n"))
      }

      /* Runs the graph. Inputs and outputs are row-major and must not overlap; weights and arena come from the functions
         above. \(isTraining
        ? "The weights are changed: one thread at a time may use them."
        : "Several threads may run at once, each with an arena and outputs of its own.")
         Returns 0, or 1 + the position of a message in \(name)_messages where an input is out of range; `value`, if not
         NULL, is then what was. */
      static inline int \(name)_run(const \(name)_inputs *inputs, const \(name)_outputs *outputs, \(const)void *weights,
                          \(indent)void *arena, int64_t *value) {
        void *bases[\(max(1, sources.count))];
        int64_t status[2] = {0, 0};
        \(upper)_ALIGNED unsigned char sync[\(Synchronization.byteCount(workers: 0))] = {0};
        \(name)_bases(inputs, outputs, weights, arena, bases);
        \(name)_program(bases, status, sync, 0, 1, 1);
        if (value) *value = status[1];
        return (int)status[0];
      }

      /* What \(name)_run found wrong; formats for printf with the value, as long long. */
      static const char *const \(name)_messages[\(max(1, program.failures.count))] = {
      \(messages)
      };

      /* Uses what a program may leave unused, so that no compiler warns. */
      static inline const char *\(name)_message(int status) { return \(name)_messages[status - 1]; }

      \(teamFunctions)
      #ifdef __cplusplus
      }
      #endif

      #endif

      """
  }

  /// Where the variables of a training step are, so that a program can save what it has trained.
  private var variableTable: String {
    """

    /* The variables in the weights: their values before the first run, and after each run the new ones. */
    typedef struct {
      const char *name;
      size_t offset, bytes;
    } \(name)_variable;
    #define \(name.uppercased())_VARIABLES \(variables.count)
    static const \(name)_variable \(name)_variables[\(max(1, variables.count))] = {
    \(variables.map { "  {\"\(Self.escaped($0.label))\", \($0.offset), \($0.byteCount)}," }.joined(separator: "\n"))
    };

    /* The variable at a position from 0 up to \(name.uppercased())_VARIABLES. */
    static inline const \(name)_variable *\(name)_variable_at(int position) { return &\(name)_variables[position]; }

    """
  }

  /// Runs by several threads, for programs that ask for them.
  private var teamFunctions: String {
    let upper = name.uppercased()
    let indent = String(repeating: " ", count: name.count)
    let const = isTraining ? "" : "const "
    let sharedBytes = Synchronization.byteCount(workers: 0)
    return """
      /* Define \(upper)_WITH_THREADS before this header, and link with -pthread, for \(name)_run_on. */
      #ifdef \(upper)_WITH_THREADS
      #include <pthread.h>
      #include <sched.h>
      #include <string.h>

      #define \(upper)_MOST_THREADS 256

      typedef struct {
        void **bases;
        int64_t *status;
        void *sync;
        int64_t workers;
        pthread_mutex_t gate;
      } \(name)_team;

      typedef struct {
        \(name)_team *team;
        int64_t worker;
      } \(name)_member;

      static inline int64_t \(name)_yield(void *sync, int64_t worker) {
        (void)sync;
        (void)worker;
        sched_yield();
        return 0;
      }

      static inline void *\(name)_work(void *argument) {
        \(name)_member *member = (\(name)_member *)argument;
        /* Closed until it is known how many there are. */
        pthread_mutex_lock(&member->team->gate);
        pthread_mutex_unlock(&member->team->gate);
        \(name)_program(member->team->bases, member->team->status, member->team->sync, member->worker, member->team->workers, 1);
        return NULL;
      }

      /* As \(name)_run, by so many threads that live as long as the call; fewer where the system has no more. The number
         does not change what is computed, not by a bit. */
      static inline int \(name)_run_on(int threads, const \(name)_inputs *inputs, const \(name)_outputs *outputs,
                             \(indent)\(const)void *weights, void *arena, int64_t *value) {
        void *bases[\(max(1, sources.count))];
        int64_t status[2] = {0, 0};
        \(upper)_ALIGNED unsigned char sync[\(sharedBytes) + \(Memory.alignment) * \(upper)_MOST_THREADS] = {0};
        int64_t (*yield)(void *, int64_t) = \(name)_yield;
        pthread_t ids[\(upper)_MOST_THREADS];
        \(name)_member members[\(upper)_MOST_THREADS];
        \(name)_team team;
        int started = 0;
        \(name)_bases(inputs, outputs, weights, arena, bases);
        memcpy(sync + \(Synchronization.yield), &yield, sizeof yield);
        team.bases = bases;
        team.status = status;
        team.sync = sync;
        pthread_mutex_init(&team.gate, NULL);
        pthread_mutex_lock(&team.gate);
        while (started + 1 < threads && started < \(upper)_MOST_THREADS) {
          members[started].team = &team;
          members[started].worker = started + 1;
          if (pthread_create(&ids[started], NULL, \(name)_work, &members[started])) break;
          started++;
        }
        team.workers = started + 1;
        pthread_mutex_unlock(&team.gate);
        \(name)_program(bases, status, sync, 0, team.workers, 1);
        for (int i = 0; i < started; i++) pthread_join(ids[i], NULL);
        pthread_mutex_destroy(&team.gate);
        if (value) *value = status[1];
        return (int)status[0];
      }
      #endif

      """
  }

  private func structure(_ kind: String, _ fields: [Field], isWritten: Bool) -> String {
    let lines = fields.map { field in
      "  \(isWritten ? "" : "const ")\(CInterface.type(field.type.dtype)) *\(field.name); /* \(field.type) */"
    }
    // C knows no empty structure.
    let body = lines.isEmpty ? ["  char none;"] : lines
    return "typedef struct {\n\(body.joined(separator: "\n"))\n} \(name)_\(kind);"
  }

  private func expression(_ source: Source) -> String {
    switch source {
    case .arena(let offset): "(char *)arena + \(offset)"
    case .weights(let offset): "(char *)(uintptr_t)weights + \(offset)"
    case .input(let position): "(void *)(uintptr_t)inputs->\(inputs[position].name)"
    case .output(let position): "(void *)outputs->\(outputs[position].name)"
    }
  }

  private var messages: String {
    if program.failures.isEmpty { return "  \"\"" }
    return program.failures.map { failure in
      let text = "\(failure.origin): \(failure.message)"
      let escaped = Self.escaped(text).replacing("%", with: "%%")
      return "  \"\(escaped.replacing("{value}", with: "%lld"))\","
    }.joined(separator: "\n")
  }

  /// As it stands between quotation marks. Question marks could begin trigraphs.
  static func escaped(_ text: String) -> String {
    text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
      .replacing("?", with: "\\?")
  }

  static func type(_ dtype: DType) -> String {
    switch dtype {
    case .f32: "float"
    case .f64: "double"
    case .f16, .bf16: "uint16_t"
    case .i8: "int8_t"
    case .i32: "int32_t"
    case .i64: "int64_t"
    case .u8, .bool: "uint8_t"
    }
  }
}
