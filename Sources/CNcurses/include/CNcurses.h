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
    /// What the mouse did follows as characters.
    HOPTOP_KEY_MOUSE,
};

void hoptop_set_locale(void);
bool hoptop_is_utf8(void);
enum hoptop_fitness { HOPTOP_TERMINAL_FITS, HOPTOP_TERMINAL_UNKNOWN, HOPTOP_TERMINAL_TOO_SIMPLE };
/// Whether a screen can be shown on the terminal that TERM names. Writes nothing to it. Before curses starts.
enum hoptop_fitness hoptop_terminal_fitness(void);
/// Starts curses on the terminal of stdin and stdout; NULL when TERM is not known.
hoptop_screen *hoptop_start(bool with_mouse);
/// The terminal is as it was.
void hoptop_end(hoptop_screen *screen);
void hoptop_define_key(const char *sequence, int code);
int hoptop_colours(void);
int hoptop_pairs(void);
/// True where a colour is 0xRRGGBB.
bool hoptop_is_direct(void);
/// -1 is the terminal's own colour.
bool hoptop_pair(int pair, int foreground, int background);
void hoptop_forget_pairs(void);
/// A cell's text as code points: a base character, and two marks or 0.
struct hoptop_text { uint32_t base, first_mark, second_mark; };
void hoptop_put(int y, int x, struct hoptop_text text, int attributes, int pair);
void hoptop_update(int y, int x, bool visible);
void hoptop_erase(void);
/// The whole screen goes out anew at the next update.
void hoptop_redraw(void);
int hoptop_columns(void);
int hoptop_rows(void);
/// Takes the terminal's size of now; false when it cannot be had.
bool hoptop_resize(void);
bool hoptop_has_other_size(void);
/// 1: a character; 2: one of the keys above, 0 for others; 0: nothing waits.
int hoptop_read(uint32_t *value);
/// Leaves the screen, stops the program as Ctrl-Z does to others, and returns when it goes on, in the foreground or not.
void hoptop_suspend(bool with_group);
/// Whether the terminal is ours and not another job's, who then has its modes. Async-signal-safe.
bool hoptop_is_in_foreground(void);
/// The program was stopped without a chance to leave the screen, and is in the background: the screen is left now.
void hoptop_stay_away(void);
/// The program was stopped, and is in the foreground again: whatever the terminal shows and is set to, the next update puts
/// it right.
void hoptop_resume(void);

/// What signals, and others, ask for. From any thread, and from a signal's handler.
enum {
    /// Something that is not told by the note came.
    HOPTOP_NOTE_UPDATED = 1, HOPTOP_NOTE_RESIZED = 2, HOPTOP_NOTE_SUSPEND = 4, HOPTOP_NOTE_RESUMED = 8,
    /// SIGTERM or SIGINT.
    HOPTOP_NOTE_LEAVE = 16,
    /// SIGHUP.
    HOPTOP_NOTE_HANG_UP = 32,
};
void hoptop_note(unsigned notes);
/// All since the last call.
unsigned hoptop_take_notes(void);
/// From now on SIGTERM, SIGINT and SIGHUP are notes, unless they are ignored; false: no descriptors are left.
bool hoptop_listen_for_signals(void);
/// Says whether somebody does: while nobody listens, a second SIGTERM or SIGINT ends the program at once.
void hoptop_set_listening(bool listening);
/// Bits: 1 the terminal can be read, 2 there are notes, 4 the terminal is gone. Waits at most `milliseconds`, -1 for ever.
int hoptop_wait(bool with_terminal, int milliseconds);

/// Without curses: keys come one by one, and are not echoed.
void hoptop_begin_plain_keys(void);
void hoptop_end_plain_keys(void);
/// -1: the terminal is gone.
int hoptop_read_plain_key(void);

#endif
