/* The filter of this package in C: see README.md. */
#include "sluice-filter.h"

enum { MAX_STREAMS = 65536, MAX_TEXT = 256 };

static char header_text[MAX_TEXT], value_text[MAX_TEXT];
static sluice_text header = {header_text, 0}, value = {value_text, 0};
static uint32_t greeted;
static uint32_t body_bytes[MAX_STREAMS];

SLUICE_CONFIGURE(at, length) {
  int32_t header_length = sluice_json_text(at, length, SLUICE_TEXT("header"), header_text, MAX_TEXT);
  int32_t value_length = sluice_json_text(at, length, SLUICE_TEXT("value"), value_text, MAX_TEXT);
  if (header_length < 0 || value_length < 0) return SLUICE_TEXT("header and value are plain texts of at most 256 bytes");
  header.length = (uint32_t)header_length;
  value.length = (uint32_t)value_length;
  greeted = sluice_counter("greeted", 7);
  return SLUICE_TEXT("");
}

/* The route's own words, or those of the configuration. */
static sluice_text words(void) {
  sluice_optional_text config;
  sluice_route_config(&config);
  if (!config.is_some) return value;
  char *own = sluice_allocate(MAX_TEXT, 1);
  int32_t length = sluice_json_text(config.value.at, config.value.length, SLUICE_TEXT("value"), own, MAX_TEXT);
  return length < 0 ? value : (sluice_text){own, (uint32_t)length};
}

SLUICE_ON_REQUEST_HEADERS(stream, fields, count, end) {
  (void)end;
  if (stream >= MAX_STREAMS) __builtin_trap();
  if (sluice_find(fields, count, SLUICE_TEXT("x-rude")) != NULL)
    return sluice_reply_with(403, SLUICE_TEXT("be kind\n"), SLUICE_TEXT("greeting_refused"));
  sluice_edit *list = sluice_allocate(sizeof(sluice_edit), 4);
  list[0] = (sluice_edit){SLUICE_SET, header, words()};
  return sluice_edits(list, 1);
}

SLUICE_ON_REQUEST_DATA(stream, data, length, end) {
  (void)data, (void)end;
  body_bytes[stream] += length;
  return sluice_verdict(SLUICE_CONTINUE);
}

SLUICE_ON_RESPONSE_HEADERS(stream, fields, count, end) {
  (void)fields, (void)count, (void)end;
  if (stream >= MAX_STREAMS) __builtin_trap();
  sluice_increment(greeted, 1);
  sluice_edit *list = sluice_allocate(2 * sizeof(sluice_edit), 4);
  list[0] = (sluice_edit){SLUICE_SET, header, words()};
  list[1] = (sluice_edit){SLUICE_SET, SLUICE_TEXT("x-request-bytes"), sluice_decimal(body_bytes[stream])};
  return sluice_edits(list, 2);
}

SLUICE_ON_DESTROY(stream) { body_bytes[stream % MAX_STREAMS] = 0; }
