/* The world sluice:filter@0.1.0 (filter.wit) for C without a C library: its types as the canonical ABI lays them out, its imports, and a macro for each hook.
 * What a hook was given, and what it allocates by sluice_allocate, is freed at once when its answer has been read; what is to stay belongs in static variables.
 * Include it in one file. Flags for clang: --target=wasm32 -O2 -nostdlib -mbulk-memory -Wl,--no-entry -Wl,--strip-all */
#ifndef SLUICE_FILTER_H
#define SLUICE_FILTER_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct { const char *at; uint32_t length; } sluice_text;
typedef struct { sluice_text *at; uint32_t count; } sluice_texts;
typedef struct { const uint8_t *at; uint32_t length; } sluice_bytes;
typedef struct { uint8_t is_some; sluice_text value; } sluice_optional_text;

enum { SLUICE_CONTINUE, SLUICE_STOP, SLUICE_STOP_AND_BUFFER, SLUICE_STOP_AND_WATERMARK };
enum { SLUICE_SET, SLUICE_APPEND, SLUICE_DELETE };
enum { SLUICE_DEBUG, SLUICE_INFO, SLUICE_WARN, SLUICE_ERROR };

typedef struct { uint8_t kind; sluice_text name; sluice_text value; } sluice_edit;
typedef struct { uint16_t status; sluice_texts headers; sluice_bytes body; sluice_text details; } sluice_reply;
typedef struct {
  uint8_t verdict;
  struct { sluice_edit *at; uint32_t count; } edits;
  struct { uint8_t is_some; sluice_bytes value; } data;
  struct { uint8_t is_some; sluice_reply value; } reply;
} sluice_outcome;
typedef struct { uint8_t is_error; sluice_text problem; } sluice_configured;

_Static_assert(sizeof(sluice_edit) == 20 && sizeof(sluice_reply) == 28, "canonical ABI");
_Static_assert(sizeof(sluice_outcome) == 56 && offsetof(sluice_outcome, data) == 12, "canonical ABI");
_Static_assert(offsetof(sluice_outcome, reply.value) == 28 && sizeof(sluice_configured) == 12, "canonical ABI");

#define SLUICE_TEXT(literal) ((sluice_text){literal, sizeof(literal) - 1})
#define SLUICE_EXPORT(name) __attribute__((export_name(name)))
#define SLUICE_IMPORT(face, name) __attribute__((import_module("sluice:filter/" face "@0.1.0"), import_name(name)))

/* Imports: only those that are called end up in the module. */
SLUICE_IMPORT("host", "log") void sluice_log(uint32_t level, const char *at, uint32_t length);
SLUICE_IMPORT("host", "counter") uint32_t sluice_counter(const char *at, uint32_t length);
SLUICE_IMPORT("host", "increment") void sluice_increment(uint32_t counter, uint32_t amount);
SLUICE_IMPORT("host", "now") double sluice_now(void);
SLUICE_IMPORT("host", "wall-now") double sluice_wall_now(void);
SLUICE_IMPORT("host", "random") double sluice_random(void);
SLUICE_IMPORT("this-stream", "attribute") void sluice_attribute(const char *at, uint32_t length, sluice_optional_text *into);
SLUICE_IMPORT("this-stream", "route-config") void sluice_route_config(sluice_optional_text *into);
SLUICE_IMPORT("this-stream", "metadata") void sluice_metadata(const char *at, uint32_t length, sluice_optional_text *into);
SLUICE_IMPORT("this-stream", "set-metadata")
void sluice_set_metadata(const char *at, uint32_t length, const char *values_at, uint32_t values_length);
SLUICE_IMPORT("calls", "start")
uint32_t sluice_start_call(const char *cluster, uint32_t cluster_length, const char *method, uint32_t method_length, const char *path, uint32_t path_length,
                           const char *authority, uint32_t authority_length, const sluice_text *headers, uint32_t header_count,
                           const uint8_t *body, uint32_t body_length, uint32_t timeout_ms);
SLUICE_IMPORT("timers", "start") uint32_t sluice_start_timer(uint32_t ms);

/* ---- memory of one call ---- */

extern unsigned char __heap_base;
static uintptr_t sluice_top;

static void *sluice_allocate(uint32_t size, uint32_t align) {
  if (sluice_top == 0) sluice_top = (uintptr_t)&__heap_base;
  uintptr_t start = (sluice_top + align - 1) & ~(uintptr_t)(align - 1);
  uintptr_t have = (uintptr_t)__builtin_wasm_memory_size(0) << 16;
  if (start + size < start) __builtin_trap();
  sluice_top = start + size;
  if (sluice_top > have && __builtin_wasm_memory_grow(0, (sluice_top - have + 0xffff) >> 16) == (size_t)-1) __builtin_trap();
  return (void *)start;
}

static void sluice_copy(char *to, const char *from, uint32_t length) { __builtin_memcpy(to, from, length); }

SLUICE_EXPORT("cabi_realloc") void *sluice_realloc(void *old, size_t old_size, size_t align, size_t size) {
  void *made = sluice_allocate(size, align);
  if (old != NULL) sluice_copy(made, old, old_size < size ? old_size : size);
  return made;
}

/* ---- texts and sections ---- */

static bool sluice_equal(sluice_text a, sluice_text b) {
  return a.length == b.length && __builtin_memcmp(a.at, b.at, a.length) == 0;
}

int memcmp(const void *a, const void *b, size_t length) {
  const unsigned char *x = a, *y = b;
  for (size_t i = 0; i < length; i++)
    if (x[i] != y[i]) return x[i] < y[i] ? -1 : 1;
  return 0;
}

/* The first value of that name in a section; NULL where it has none. */
static const sluice_text *sluice_find(const sluice_text *fields, uint32_t count, sluice_text name) {
  for (uint32_t i = 0; i + 1 < count; i += 2)
    if (sluice_equal(fields[i], name)) return &fields[i + 1];
  return NULL;
}

static sluice_text sluice_decimal(uint32_t number) {
  char *end = (char *)sluice_allocate(10, 1) + 10, *at = end;
  do *--at = (char)('0' + number % 10);
  while ((number /= 10) != 0);
  return (sluice_text){at, (uint32_t)(end - at)};
}

/* ---- answers ---- */

static sluice_outcome sluice_answer;

static sluice_outcome *sluice_verdict(uint8_t verdict) {
  sluice_answer = (sluice_outcome){.verdict = verdict};
  return &sluice_answer;
}

static sluice_outcome *sluice_edits(sluice_edit *list, uint32_t count) {
  sluice_verdict(SLUICE_CONTINUE)->edits.at = list;
  sluice_answer.edits.count = count;
  return &sluice_answer;
}

static sluice_outcome *sluice_reply_with(uint16_t status, sluice_text body, sluice_text details) {
  sluice_verdict(SLUICE_CONTINUE)->reply.is_some = 1;
  sluice_answer.reply.value =
      (sluice_reply){.status = status, .body = {(const uint8_t *)body.at, body.length}, .details = details};
  return &sluice_answer;
}

/* ---- exports: SLUICE_ON_REQUEST_HEADERS(stream, fields, count, end) { … return sluice_verdict(SLUICE_CONTINUE); } ---- */

#define SLUICE_HOOK(face, name, id, ...) \
  SLUICE_EXPORT("cabi_post_sluice:filter/" face "@0.1.0#" name) void sluice_after_##id(void *answer) { \
    (void)answer; \
    sluice_top = 0; \
  } \
  SLUICE_EXPORT("sluice:filter/" face "@0.1.0#" name) sluice_outcome *sluice_on_##id(__VA_ARGS__)
#define SLUICE_SECTION(fields, count) const sluice_text *fields, uint32_t count

#define SLUICE_ON_REQUEST_HEADERS(stream, fields, count, end) \
  SLUICE_HOOK("request-headers", "on-request-headers", request_headers, uint32_t stream, SLUICE_SECTION(fields, count), bool end)
#define SLUICE_ON_REQUEST_DATA(stream, data, length, end) \
  SLUICE_HOOK("request-data", "on-request-data", request_data, uint32_t stream, uint8_t *data, uint32_t length, bool end)
#define SLUICE_ON_REQUEST_TRAILERS(stream, fields, count) \
  SLUICE_HOOK("request-trailers", "on-request-trailers", request_trailers, uint32_t stream, SLUICE_SECTION(fields, count))
#define SLUICE_ON_INFORMATIONAL(stream, fields, count) \
  SLUICE_HOOK("informational", "on-informational", informational, uint32_t stream, SLUICE_SECTION(fields, count))
#define SLUICE_ON_RESPONSE_HEADERS(stream, fields, count, end) \
  SLUICE_HOOK("response-headers", "on-response-headers", response_headers, uint32_t stream, SLUICE_SECTION(fields, count), bool end)
#define SLUICE_ON_RESPONSE_DATA(stream, data, length, end) \
  SLUICE_HOOK("response-data", "on-response-data", response_data, uint32_t stream, uint8_t *data, uint32_t length, bool end)
#define SLUICE_ON_RESPONSE_TRAILERS(stream, fields, count) \
  SLUICE_HOOK("response-trailers", "on-response-trailers", response_trailers, uint32_t stream, SLUICE_SECTION(fields, count))
/* is_error: `status` and `fields` are address and length of the word instead. */
#define SLUICE_ON_CALL_RESPONSE(stream, call, is_error, status, fields, count, body, length) \
  SLUICE_HOOK("call-response", "on-call-response", call_response, uint32_t stream, uint32_t call, bool is_error, uint32_t status, \
              SLUICE_SECTION(fields, count), const uint8_t *body, uint32_t length)
#define SLUICE_ON_TIMER(stream, timer) SLUICE_HOOK("timer", "on-timer", timer, uint32_t stream, uint32_t timer)
#define SLUICE_ON_LOCAL_REPLY(stream, status, at, length) \
  SLUICE_EXPORT("sluice:filter/local-reply@0.1.0#on-local-reply") \
  void sluice_on_local_reply(uint32_t stream, uint32_t status, const char *at, uint32_t length)
#define SLUICE_ON_STREAM_COMPLETE(stream) \
  SLUICE_EXPORT("sluice:filter/stream-complete@0.1.0#on-stream-complete") void sluice_on_stream_complete(uint32_t stream)
#define SLUICE_ON_DESTROY(stream) \
  SLUICE_EXPORT("sluice:filter/stream-end@0.1.0#on-destroy") void sluice_on_destroy(uint32_t stream)
/* Returns the sentence for a configuration that is not taken; an empty one takes it. */
#define SLUICE_CONFIGURE(at, length) \
  static sluice_text sluice_take_configuration(const char *at, uint32_t length); \
  SLUICE_EXPORT("cabi_post_sluice:filter/lifecycle@0.1.0#configure") void sluice_after_configure(void *answer) { \
    (void)answer; \
    sluice_top = 0; \
  } \
  SLUICE_EXPORT("sluice:filter/lifecycle@0.1.0#configure") sluice_configured *sluice_configure(const char *at, uint32_t length) { \
    static sluice_configured answer; \
    answer.problem = sluice_take_configuration(at, length); \
    answer.is_error = answer.problem.length != 0; \
    return &answer; \
  } \
  static sluice_text sluice_take_configuration(const char *at, uint32_t length)

/* ---- JSON that the schema of the description has passed ---- */

/* The text value after "key" into `into`, with its simple escapes undone; its length, or -1: it is not there, has a \u escape, or does not fit. Looks at the top level alone. */
static int32_t sluice_json_text(const char *at, uint32_t length, sluice_text key, char *into, uint32_t room) {
  uint32_t depth = 0;
  bool is_key = false;
  for (uint32_t i = 0; i < length; i++) {
    char c = at[i];
    if (c == '{' || c == '[') depth++, is_key = c == '{';
    else if (c == '}' || c == ']') depth--;
    else if (c == ',') is_key = true;
    else if (c == ':') is_key = false;
    if (c != '"') continue;
    uint32_t start = ++i;
    while (i < length && at[i] != '"') i += at[i] == '\\' ? 2 : 1;
    if (!is_key || depth != 1 || !sluice_equal((sluice_text){at + start, i - start}, key)) continue;
    if (i + 2 >= length || at[i + 1] != ':' || at[i + 2] != '"') return -1;
    uint32_t written = 0;
    for (i += 3; i < length && at[i] != '"'; i++) {
      char value = at[i];
      if (value == '\\') {
        value = at[++i];
        if (value == 'n') value = '\n';
        else if (value == 't') value = '\t';
        else if (value != '"' && value != '\\' && value != '/') return -1;
      }
      if (written == room) return -1;
      into[written++] = value;
    }
    return (int32_t)written;
  }
  return -1;
}
#endif
