/* The spike's filter (../greeting.ts) as a component in C, without a C library. The structures are the canonical ABI's layout of
 * filter.wit by hand. What a call was given and what it returns lives until its cabi_post; then all of it is freed at once. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXPORT(name) __attribute__((export_name(name)))
#define HOOK(interface, hook) "sluice:filter/" interface "@0.1.0#" hook

__attribute__((import_module("sluice:filter/host@0.1.0"), import_name("increment"))) void host_increment(uint32_t counter,
                                                                                                        uint32_t amount);

typedef struct { const char *at; uint32_t length; } text;
typedef struct { uint8_t is_some; text value; } optional_text;
typedef struct { uint8_t kind; text name; text value; } edit;
typedef struct { uint16_t status; text *headers; uint32_t header_count; const char *body; uint32_t body_length; text details; } reply;
typedef struct { uint8_t verdict; edit *edits; uint32_t edit_count; uint8_t has_reply; reply reply; } outcome;
typedef struct { uint8_t is_some; const uint8_t *at; uint32_t length; } optional_bytes;
typedef struct { uint8_t verdict; optional_bytes data; } data_outcome;
typedef struct { uint8_t is_error; text *names; uint32_t count; } configured;

_Static_assert(sizeof(optional_text) == 12 && sizeof(edit) == 20 && sizeof(reply) == 28, "canonical ABI");
_Static_assert(sizeof(outcome) == 44 && offsetof(outcome, reply) == 16, "canonical ABI");
_Static_assert(sizeof(data_outcome) == 16 && offsetof(data_outcome, data) == 4, "canonical ABI");

enum { SET, APPEND, DELETE };
enum { GREETED, BODY_BYTES };
enum { MAX_STREAMS = 4096, MAX_TEXT = 256 };
#define TEXT(literal) ((text){literal, sizeof(literal) - 1})

/* ---- memory ---- */

extern unsigned char __heap_base;
static uintptr_t top;

static void *allocate(uint32_t size, uint32_t align) {
  if (top == 0) top = (uintptr_t)&__heap_base;
  uintptr_t start = (top + align - 1) & ~(uintptr_t)(align - 1);
  top = start + size;
  uintptr_t have = (uintptr_t)__builtin_wasm_memory_size(0) << 16;
  if (top > have && __builtin_wasm_memory_grow(0, (top - have + 0xffff) >> 16) == (size_t)-1) __builtin_trap();
  return (void *)start;
}

static void free_all(void) { top = 0; }

static void copy(char *to, const char *from, uint32_t length) {
  for (uint32_t i = 0; i < length; i++) to[i] = from[i];
}

EXPORT("cabi_realloc") void *cabi_realloc(void *old, size_t old_size, size_t align, size_t size) {
  void *made = allocate(size, align);
  copy(made, old, old_size < size ? old_size : size);
  return made;
}

/* ---- texts ---- */

static bool equal(text a, text b) {
  if (a.length != b.length) return false;
  for (uint32_t i = 0; i < a.length; i++)
    if (a.at[i] != b.at[i]) return false;
  return true;
}

static bool has(const text *fields, uint32_t count, text name) {
  for (uint32_t i = 0; i + 1 < count; i += 2)
    if (equal(fields[i], name)) return true;
  return false;
}

static text decimal(uint32_t number) {
  char *end = (char *)allocate(10, 1) + 10, *at = end;
  do *--at = (char)('0' + number % 10);
  while ((number /= 10) != 0);
  return (text){at, (uint32_t)(end - at)};
}

/* The text after `key` in JSON that the schema has passed; its values have no escapes. */
static text find(text json, text key) {
  for (uint32_t i = 0; i + key.length < json.length; i++) {
    if (!equal((text){json.at + i, key.length}, key)) continue;
    text value = {json.at + i + key.length, 0};
    while (value.at[value.length] != '"') value.length++;
    return value;
  }
  return (text){0, 0};
}

/* ---- the filter ---- */

static char header_text[MAX_TEXT], value_text[MAX_TEXT];
static text header = {header_text, 0}, value = {value_text, 0};
static uint32_t bytes[MAX_STREAMS];

static outcome result;
static data_outcome data_result;

static outcome *nothing(void) {
  result = (outcome){0};
  return &result;
}

static outcome *edits(edit *list, uint32_t count) {
  result = (outcome){.edits = list, .edit_count = count};
  return &result;
}

EXPORT(HOOK("lifecycle", "configure")) configured *configure(const char *at, uint32_t length) {
  static configured done;
  static text names[2];
  text json = {at, length};
  text given_header = find(json, TEXT("\"header\":\"")), given_value = find(json, TEXT("\"value\":\""));
  if (given_header.length > MAX_TEXT || given_value.length > MAX_TEXT) {
    static const char problem[] = "a text is too long";
    done = (configured){.is_error = 1, .names = (text *)problem, .count = sizeof(problem) - 1};
    return &done;
  }
  copy(header_text, given_header.at, header.length = given_header.length);
  copy(value_text, given_value.at, value.length = given_value.length);
  names[GREETED] = TEXT("greeted");
  names[BODY_BYTES] = TEXT("body_bytes");
  done = (configured){.names = names, .count = 2};
  return &done;
}

EXPORT(HOOK("lifecycle", "destroy")) void destroy(uint32_t stream) { bytes[stream % MAX_STREAMS] = 0; }

EXPORT(HOOK("request-headers", "on-request-headers"))
outcome *on_request_headers(uint32_t stream, text *fields, uint32_t count, bool end, optional_text *reads, uint32_t read_count) {
  if (stream >= MAX_STREAMS) __builtin_trap();
  if (has(fields, count, TEXT("x-deny"))) {
    text *headers = allocate(2 * sizeof(text), 4);
    headers[0] = TEXT("x-denied-by");
    headers[1] = TEXT("greeting");
    nothing()->has_reply = 1;
    result.reply = (reply){403, headers, 2, "denied", 6, TEXT("greeting_denied")};
    return &result;
  }
  host_increment(GREETED, 1);
  if (has(fields, count, TEXT("x-fail"))) __builtin_trap();
  edit *list = allocate(3 * sizeof(edit), 4);
  text greeting = read_count > 0 && reads[0].is_some ? reads[0].value : value;
  list[0] = (edit){DELETE, TEXT("x-secret"), {0, 0}};
  list[1] = (edit){SET, header, greeting};
  list[2] = (edit){SET, TEXT(":path"), TEXT("/greeted")};
  return edits(list, has(fields, count, TEXT("x-rewrite")) ? 3 : 2);
}

EXPORT(HOOK("request-data", "on-request-data"))
data_outcome *on_request_data(uint32_t stream, uint8_t *data, uint32_t length, bool end, optional_text *reads, uint32_t read_count) {
  bytes[stream] += length;
  host_increment(BODY_BYTES, length);
  data_result = (data_outcome){0};
  if (length != 0 && data[0] == '#') {
    for (uint32_t i = 0; i < length; i++) data[i] = '#';
    data_result = (data_outcome){.data = {1, data, length}};
  }
  return &data_result;
}

EXPORT(HOOK("request-trailers", "on-request-trailers"))
outcome *on_request_trailers(uint32_t stream, text *fields, uint32_t count, optional_text *reads, uint32_t read_count) {
  edit *list = allocate(sizeof(edit), 4);
  list[0] = (edit){SET, TEXT("x-length"), decimal(bytes[stream])};
  return edits(list, 1);
}

EXPORT(HOOK("response-headers", "on-response-headers"))
outcome *on_response_headers(uint32_t stream, text *fields, uint32_t count, bool end, optional_text *reads, uint32_t read_count) {
  edit *list = allocate(sizeof(edit), 4);
  list[0] = (edit){APPEND, TEXT("x-request-bytes"), decimal(bytes[stream])};
  return edits(list, 1);
}

#define FREE_AFTER(interface, hook, name) \
  EXPORT("cabi_post_" HOOK(interface, hook)) void free_after_##name(void *returned) { free_all(); }
FREE_AFTER("lifecycle", "configure", configure)
FREE_AFTER("request-headers", "on-request-headers", request_headers)
FREE_AFTER("request-data", "on-request-data", request_data)
FREE_AFTER("request-trailers", "on-request-trailers", request_trailers)
FREE_AFTER("response-headers", "on-response-headers", response_headers)
