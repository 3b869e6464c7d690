// The background part: the node runs it whether a dashboard is open or not, as long as the person allows it.
// hedgerow.wit, beside this file, says what it can call; wit-bindgen makes bindings/component.h of it.
#include "component.h"
#include <stdio.h>
#include <string.h>

struct state {
  uint64_t serial, counted;
};

static component_string_t text(char *from) {
  return (component_string_t){(uint8_t *)from, strlen(from)};
}

// Memory is gone after a restart; what is kept is not.
static struct state read_state(void) {
  struct state state = {0, 0};
  component_string_t key = text("state");
  component_list_u8_t kept;
  if (hedgerow_widget_host_kept(&key, &kept)) {
    if (kept.len == sizeof state) memcpy(&state, kept.ptr, sizeof state);
    component_list_u8_free(&kept);
  }
  return state;
}

static void keep(struct state *state) {
  component_string_t key = text("state"), problem;
  component_list_u8_t value = {(uint8_t *)state, sizeof *state};
  if (!hedgerow_widget_host_keep(&key, &value, &problem)) {
    hedgerow_widget_host_log(&problem);
    component_string_free(&problem);
  }
}

// Events may be missed while it is away. Updates have serials, so what came meanwhile can be read.
static void catch_up(struct state *state) {
  for (;;) {
    hedgerow_widget_app_updates_type_t page;
    hedgerow_widget_app_error_t error;
    if (!hedgerow_widget_app_updates(&state->serial, &page, &error)) {
      hedgerow_widget_host_log(&error.message);
      hedgerow_widget_app_error_free(&error);
      return;
    }
    size_t len = page.updates.len;
    if (len > 0) state->serial = page.updates.ptr[len - 1].serial;
    state->counted += len;
    hedgerow_widget_app_updates_type_free(&page);
    if (len == 0) return;
  }
}

void exports_hedgerow_widget_guest_handle(exports_hedgerow_widget_guest_event_t *event) {
  struct state state = read_state();
  char line[64];
  component_string_t problem, said;
  switch (event->tag) {
  case HEDGEROW_WIDGET_TYPES_EVENT_START:
  case HEDGEROW_WIDGET_TYPES_EVENT_APP_UPDATE:
    catch_up(&state);
    keep(&state);
    snprintf(line, sizeof line, "%llu entries so far", (unsigned long long)state.counted);
    said = text(line);
    hedgerow_widget_host_log(&said);
    break;
  case HEDGEROW_WIDGET_TYPES_EVENT_PAGE_MESSAGE:
    break;
  default:
    exports_hedgerow_widget_guest_event_free(event);
    return;
  }
  snprintf(line, sizeof line, "{\"counted\":%llu}", (unsigned long long)state.counted);
  said = text(line);
  if (!hedgerow_widget_host_tell_page(&said, &problem)) component_string_free(&problem);
  exports_hedgerow_widget_guest_event_free(event);
}
