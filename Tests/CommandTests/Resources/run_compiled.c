/* Runs a graph that `apus compile` made:
     run_compiled WEIGHTS RESULT-FILE OUTPUT-BYTES... -- INPUT-FILE...
   Writes all outputs to the file, one after the other. MODEL is the graph's name, ARENA the macro of its size.
   With THREADS so many threads share each run; with VARIABLES, the macro of their number, a training step's variables
   follow the outputs. */
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define TEXT_(a) #a
#define TEXT(a) TEXT_(a)
#ifdef THREADS
#define RUN(...) JOIN(MODEL, _run_on)(THREADS, __VA_ARGS__)
#else
#define RUN(...) JOIN(MODEL, _run)(__VA_ARGS__)
#endif
#include TEXT(MODEL.h)
#include <string.h>

static void *read_file(const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file) exit(3);
  void *bytes = JOIN(MODEL, _allocate)(1 << 20);
  size_t count = fread(bytes, 1, 1 << 20, file);
  (void)count;
  fclose(file);
  return bytes;
}

int main(int count, char **arguments) {
  if (count < 3) return 2;
  void *weights = JOIN(MODEL, _load_weights)(arguments[1]);
  if (!weights) return 4;
  void *arena = JOIN(MODEL, _allocate)(ARENA);
  void *outputs[16] = {0}, *inputs[16] = {0};
  size_t bytes[16], output_count = 0, input_count = 0;
  int at = 3;
  for (; at < count && strcmp(arguments[at], "--"); at++) {
    bytes[output_count] = (size_t)atoll(arguments[at]);
    outputs[output_count] = JOIN(MODEL, _allocate)(bytes[output_count]);
    output_count++;
  }
  for (at++; at < count; at++) inputs[input_count++] = read_file(arguments[at]);
  JOIN(MODEL, _inputs) in;
  JOIN(MODEL, _outputs) out;
  memcpy(&in, inputs, sizeof in);
  memcpy(&out, outputs, sizeof out);
  int64_t value = 0;
  /* Twice: a run leaves nothing behind but, when it trains, its weights. */
  int status = RUN(&in, &out, weights, arena, &value);
  if (!status) status = RUN(&in, &out, weights, arena, &value);
  if (status) {
    fprintf(stderr, JOIN(MODEL, _message)(status), (long long)value);
    return 1;
  }
  FILE *result = fopen(arguments[2], "wb");
  if (!result) return 3;
  for (size_t i = 0; i < output_count; i++) fwrite(outputs[i], 1, bytes[i], result);
#ifdef VARIABLES
  for (int i = 0; i < VARIABLES; i++) {
    fwrite((char *)weights + JOIN(MODEL, _variable_at)(i)->offset, 1, JOIN(MODEL, _variable_at)(i)->bytes, result);
  }
#endif
  fclose(result);
  for (size_t i = 0; i < output_count; i++) free(outputs[i]);
  for (size_t i = 0; i < input_count; i++) free(inputs[i]);
  free(arena);
  free(weights);
  return 0;
}
