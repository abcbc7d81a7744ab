// ncursesw as Swift can take it. One thread calls all of this, but for what says otherwise.
#ifndef HOPTOP_CNCURSES_H
#define HOPTOP_CNCURSES_H

#include <stdbool.h>
#include <stdint.h>

/// Opaque to Swift.
typedef struct hoptop_screen hoptop_screen;

enum {
    HOPTOP_BOLD = 1, HOPTOP_DIM = 2, HOPTOP_ITALIC = 4, HOPTOP_UNDERLINE = 8, HOPTOP_REVERSE = 16,
};

/// Keys that curses names; further ones get their sequences by `hoptop_define_key`.
enum {
    HOPTOP_KEY_UP = 1, HOPTOP_KEY_DOWN, HOPTOP_KEY_LEFT, HOPTOP_KEY_RIGHT, HOPTOP_KEY_PAGE_UP, HOPTOP_KEY_PAGE_DOWN,
    HOPTOP_KEY_HOME, HOPTOP_KEY_END, HOPTOP_KEY_BACKSPACE, HOPTOP_KEY_DELETE, HOPTOP_KEY_BACK_TAB, HOPTOP_KEY_ENTER,
    /// F1 is this plus 1.
    HOPTOP_KEY_FUNCTION = 100,
    HOPTOP_KEY_PASTE_BEGINS = 200, HOPTOP_KEY_PASTE_ENDS,
};

void hoptop_set_locale(void);
bool hoptop_is_utf8(void);
/// Starts curses on the terminal of stdin and stdout; NULL when TERM is not known.
hoptop_screen *hoptop_start(void);
void hoptop_end(hoptop_screen *screen);
void hoptop_define_key(const char *sequence, int code);
int hoptop_colours(void);
int hoptop_pairs(void);
/// True where a colour is 0xRRGGBB.
bool hoptop_is_direct(void);
/// -1 is the terminal's own colour.
bool hoptop_pair(int pair, int foreground, int background);
void hoptop_forget_pairs(void);
/// Puts one cell's text (a base character, up to two marks) down.
void hoptop_put(int y, int x, const char *text, int attributes, int pair);
void hoptop_update(int y, int x, bool visible);
void hoptop_erase(void);
/// The whole screen goes out anew at the next update.
void hoptop_redraw(void);
int hoptop_columns(void);
int hoptop_rows(void);
/// Takes the terminal's size of now; false when it cannot be had.
bool hoptop_resize(void);
/// 1: a character; 2: one of the keys above, 0 for others; 0: nothing waits.
int hoptop_read(uint32_t *value);
/// Bracketed paste on or off, straight to the terminal.
void hoptop_paste_mode(bool on);
/// Before curses starts: keeps the modes to go back to.
void hoptop_keep_modes(void);
/// After it started: builds the reset string, and catches the signals of a crash.
void hoptop_arm(void);
void hoptop_disarm(void);
bool hoptop_pipe(int *reading, int *writing);
/// SIGWINCH wakes by the pipe whatever thread it lands on; the others only when nobody handles them yet.
void hoptop_catch_signals(void);
void hoptop_release_signals(void);
/// Bits: 1 terminal, 2 pipe; waits at most `milliseconds`, -1 for ever.
int hoptop_wait(int pipe_end, int milliseconds);

#endif
