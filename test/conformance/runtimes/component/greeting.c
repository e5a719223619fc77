/* The filter `greeting` of ../filters.ts as a component. Built by build.ts. */
#include "sluice-filter.h"

enum { MAX_STREAMS = 4096, MAX_TEXT = 256 };

static char header_text[MAX_TEXT], value_text[MAX_TEXT];
static sluice_text header = {header_text, 0}, value = {value_text, 0};
static uint32_t greeted, body_bytes;
static uint32_t bytes[MAX_STREAMS];

SLUICE_CONFIGURE(at, length) {
  int32_t header_length = sluice_json_text(at, length, SLUICE_TEXT("header"), header_text, MAX_TEXT);
  int32_t value_length = sluice_json_text(at, length, SLUICE_TEXT("value"), value_text, MAX_TEXT);
  if (header_length < 0 || value_length < 0) return SLUICE_TEXT("a text is missing or too long");
  header.length = (uint32_t)header_length;
  value.length = (uint32_t)value_length;
  greeted = sluice_counter("greeted", 7);
  body_bytes = sluice_counter("body_bytes", 10);
  return SLUICE_TEXT("");
}

static sluice_text words(void) {
  sluice_optional_text config;
  sluice_route_config(&config);
  if (!config.is_some) return value;
  char *own = sluice_allocate(MAX_TEXT, 1);
  int32_t length = sluice_json_text(config.value.at, config.value.length, SLUICE_TEXT("value"), own, MAX_TEXT);
  return length < 0 ? value : (sluice_text){own, (uint32_t)length};
}

static sluice_outcome *deny(void) {
  sluice_text *headers = sluice_allocate(2 * sizeof(sluice_text), 4);
  headers[0] = SLUICE_TEXT("x-denied-by");
  headers[1] = SLUICE_TEXT("greeting");
  sluice_outcome *answer = sluice_reply_with(403, SLUICE_TEXT("denied"), SLUICE_TEXT("greeting_denied"));
  answer->reply.value.headers.at = headers;
  answer->reply.value.headers.count = 2;
  return answer;
}

SLUICE_ON_REQUEST_HEADERS(stream, fields, count, end) {
  (void)end;
  if (stream >= MAX_STREAMS) __builtin_trap();
  if (sluice_find(fields, count, SLUICE_TEXT("x-deny")) != NULL) return deny();
  sluice_increment(greeted, 1);
  if (sluice_find(fields, count, SLUICE_TEXT("x-fail")) != NULL) __builtin_trap();
  sluice_edit *list = sluice_allocate(3 * sizeof(sluice_edit), 4);
  list[0] = (sluice_edit){SLUICE_DELETE, SLUICE_TEXT("x-secret"), {0, 0}};
  list[1] = (sluice_edit){SLUICE_SET, header, words()};
  list[2] = (sluice_edit){SLUICE_SET, SLUICE_TEXT(":path"), SLUICE_TEXT("/greeted")};
  return sluice_edits(list, sluice_find(fields, count, SLUICE_TEXT("x-rewrite")) != NULL ? 3 : 2);
}

SLUICE_ON_REQUEST_DATA(stream, data, length, end) {
  (void)end;
  bytes[stream] += length;
  sluice_increment(body_bytes, length);
  sluice_outcome *answer = sluice_verdict(SLUICE_CONTINUE);
  if (length == 0 || data[0] != '#') return answer;
  for (uint32_t i = 0; i < length; i++) data[i] = '#';
  answer->data.is_some = 1;
  answer->data.value = (sluice_bytes){data, length};
  return answer;
}

static sluice_outcome *one(uint8_t kind, sluice_text name, uint32_t number) {
  sluice_edit *list = sluice_allocate(sizeof(sluice_edit), 4);
  list[0] = (sluice_edit){kind, name, sluice_decimal(number)};
  return sluice_edits(list, 1);
}

SLUICE_ON_REQUEST_TRAILERS(stream, fields, count) {
  (void)fields, (void)count;
  return one(SLUICE_SET, SLUICE_TEXT("x-length"), bytes[stream]);
}

SLUICE_ON_RESPONSE_HEADERS(stream, fields, count, end) {
  (void)fields, (void)count, (void)end;
  return one(SLUICE_APPEND, SLUICE_TEXT("x-request-bytes"), bytes[stream]);
}

SLUICE_ON_DESTROY(stream) { bytes[stream % MAX_STREAMS] = 0; }
