// ncursesw as Swift can take it: small functions, so that macros, globals and variadics stay in C.
#define NCURSES_WIDECHAR 1
#define _GNU_SOURCE 1
#include "CNcurses.h"

#include <curses.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

// ncurses defines these as macros that hide Swift's words.
#undef lines
#undef columns

void hoptop_set_locale(void) { setlocale(LC_ALL, ""); }
bool hoptop_is_utf8(void) { return MB_CUR_MAX > 1; }



hoptop_screen *hoptop_start(void) {
    set_escdelay(25);
    SCREEN *screen = newterm(NULL, stdout, stdin);
    if (screen == NULL) return NULL;
    set_term(screen);
    raw();
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    meta(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    leaveok(stdscr, FALSE);
    if (has_colors()) {
        start_color();
        use_default_colors();
    }
    return (hoptop_screen *)screen;
}
void hoptop_end(hoptop_screen *screen) {
    endwin();
    delscreen((SCREEN *)screen);
}
// Ours beside those of curses, which differ from version to version.
static const struct { int ours, curses; } hoptop_keys[] = {
    {HOPTOP_KEY_UP, KEY_UP}, {HOPTOP_KEY_DOWN, KEY_DOWN}, {HOPTOP_KEY_LEFT, KEY_LEFT},
    {HOPTOP_KEY_RIGHT, KEY_RIGHT}, {HOPTOP_KEY_PAGE_UP, KEY_PPAGE}, {HOPTOP_KEY_PAGE_DOWN, KEY_NPAGE},
    {HOPTOP_KEY_HOME, KEY_HOME}, {HOPTOP_KEY_END, KEY_END}, {HOPTOP_KEY_BACKSPACE, KEY_BACKSPACE},
    {HOPTOP_KEY_DELETE, KEY_DC}, {HOPTOP_KEY_BACK_TAB, KEY_BTAB}, {HOPTOP_KEY_ENTER, KEY_ENTER},
    {HOPTOP_KEY_PASTE_BEGINS, KEY_MAX + 1}, {HOPTOP_KEY_PASTE_ENDS, KEY_MAX + 2},
};
enum { HOPTOP_KEYS = sizeof hoptop_keys / sizeof hoptop_keys[0] };

void hoptop_define_key(const char *sequence, int key) {
    for (int index = 0; index < HOPTOP_KEYS; index++)
        if (hoptop_keys[index].ours == key) define_key(sequence, hoptop_keys[index].curses);
}
int hoptop_colours(void) { return has_colors() ? COLORS : 0; }
int hoptop_pairs(void) { return has_colors() ? COLOR_PAIRS : 0; }
bool hoptop_is_direct(void) { return has_colors() && tigetflag("RGB") > 0; }
bool hoptop_pair(int pair, int foreground, int background) {
    return init_extended_pair(pair, foreground, background) == OK;
}
void hoptop_forget_pairs(void) { reset_color_pairs(); }

void hoptop_put(int y, int x, const char *text, int attributes, int pair) {
    wchar_t wide[CCHARW_MAX + 1];
    size_t count = mbstowcs(wide, text, CCHARW_MAX);
    if (count == (size_t)-1 || count == 0) {
        wide[0] = L'?';
        count = 1;
    }
    wide[count] = 0;
    attr_t attr = A_NORMAL;
    if (attributes & HOPTOP_BOLD) attr |= WA_BOLD;
    if (attributes & HOPTOP_DIM) attr |= WA_DIM;
    if (attributes & HOPTOP_ITALIC) attr |= WA_ITALIC;
    if (attributes & HOPTOP_UNDERLINE) attr |= WA_UNDERLINE;
    if (attributes & HOPTOP_REVERSE) attr |= WA_REVERSE;
    cchar_t cell;
    if (setcchar(&cell, wide, attr, 0, &pair) != OK) return;
    mvwadd_wch(stdscr, y, x, &cell);
}
void hoptop_update(int y, int x, bool visible) {
    curs_set(visible ? 1 : 0);
    wmove(stdscr, y, x);
    wnoutrefresh(stdscr);
    doupdate();
}
void hoptop_erase(void) { werase(stdscr); }
void hoptop_redraw(void) { clearok(curscr, TRUE); }
int hoptop_columns(void) { return getmaxx(stdscr); }
int hoptop_rows(void) { return getmaxy(stdscr); }

bool hoptop_resize(void) {
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0) return false;
    resizeterm(size.ws_row, size.ws_col);
    return true;
}

int hoptop_read(uint32_t *value) {
    wint_t key = 0;
    int kind = wget_wch(stdscr, &key);
    *value = (uint32_t)key;
    if (kind == OK) return 1;
    if (kind != KEY_CODE_YES) return 0;
    *value = 0;
    for (int index = 0; index < HOPTOP_KEYS; index++)
        if ((wint_t)hoptop_keys[index].curses == key) *value = (uint32_t)hoptop_keys[index].ours;
    if (key > KEY_F0 && key <= KEY_F0 + 12) *value = HOPTOP_KEY_FUNCTION + (uint32_t)(key - KEY_F0);
    return 2;
}

void hoptop_paste_mode(bool on) {
    const char *text = on ? "\033[?2004h" : "\033[?2004l";
    (void)!write(STDOUT_FILENO, text, 8);
}

// MARK: When the program dies

enum { HOPTOP_RESET_SIZE = 512 };
struct hoptop_last_words {
    char reset[HOPTOP_RESET_SIZE];
    size_t count;
    struct termios modes;
    volatile sig_atomic_t armed;
};
static struct hoptop_last_words hoptop_words;

/// Async-signal-safe: tells the terminal to be as before.
static void hoptop_restore_now(void) {
    if (!hoptop_words.armed) return;
    hoptop_words.armed = 0;
    (void)!write(STDOUT_FILENO, hoptop_words.reset, hoptop_words.count);
    tcsetattr(STDIN_FILENO, TCSANOW, &hoptop_words.modes);
}
static void hoptop_crashed(int number) {
    hoptop_restore_now();
    signal(number, SIG_DFL);
    raise(number);
}
static void hoptop_append_reset(const char *capability) {
    const char *text = tigetstr(capability);
    if (text == NULL || text == (const char *)-1) return;
    size_t count = strlen(text);
    if (hoptop_words.count + count > HOPTOP_RESET_SIZE) return;
    memcpy(hoptop_words.reset + hoptop_words.count, text, count);
    hoptop_words.count += count;
}
void hoptop_keep_modes(void) { tcgetattr(STDIN_FILENO, &hoptop_words.modes); }
void hoptop_arm(void) {
    hoptop_words.count = 8;
    memcpy(hoptop_words.reset, "\033[?2004l", 8);
    hoptop_append_reset("sgr0");
    hoptop_append_reset("cnorm");
    hoptop_append_reset("rmkx");
    hoptop_append_reset("rmcup");
    hoptop_words.armed = 1;
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = hoptop_crashed;
    action.sa_flags = (int)SA_RESETHAND;
    sigemptyset(&action.sa_mask);
    const int numbers[] = {SIGSEGV, SIGABRT, SIGILL, SIGTRAP, SIGBUS, SIGFPE};
    for (size_t index = 0; index < sizeof numbers / sizeof numbers[0]; index++)
        sigaction(numbers[index], &action, NULL);
}
void hoptop_disarm(void) { hoptop_words.armed = 0; }

// MARK: Waking the thread that owns curses

static int hoptop_wake_write = -1;

static void hoptop_window_changed(int number) {
    (void)number;
    int kept = errno;
    (void)!write(hoptop_wake_write, "w", 1);
    errno = kept;
}
static void hoptop_asked_to_quit(int number) {
    (void)number;
    int kept = errno;
    (void)!write(hoptop_wake_write, "q", 1);
    errno = kept;
}
bool hoptop_pipe(int *reading, int *writing) {
    int ends[2];
    if (pipe(ends) != 0) return false;
    for (int index = 0; index < 2; index++) {
        fcntl(ends[index], F_SETFL, O_NONBLOCK);
        fcntl(ends[index], F_SETFD, FD_CLOEXEC);
    }
    *reading = ends[0];
    *writing = ends[1];
    hoptop_wake_write = ends[1];
    return true;
}
void hoptop_catch_signals(void) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    sigemptyset(&action.sa_mask);
    action.sa_flags = SA_RESTART;
    action.sa_handler = hoptop_window_changed;
    sigaction(SIGWINCH, &action, NULL);
    action.sa_handler = hoptop_asked_to_quit;
    const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
    for (size_t index = 0; index < sizeof numbers / sizeof numbers[0]; index++) {
        struct sigaction now;
        if (sigaction(numbers[index], NULL, &now) == 0 && now.sa_handler == SIG_DFL)
            sigaction(numbers[index], &action, NULL);
    }
}
void hoptop_release_signals(void) {
    const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGWINCH};
    for (size_t index = 0; index < sizeof numbers / sizeof numbers[0]; index++) {
        struct sigaction now;
        if (sigaction(numbers[index], NULL, &now) == 0
            && (now.sa_handler == hoptop_asked_to_quit || now.sa_handler == hoptop_window_changed))
            signal(numbers[index], SIG_DFL);
    }
}

int hoptop_wait(int pipe_end, int milliseconds) {
    struct pollfd ends[2] = {{STDIN_FILENO, POLLIN, 0}, {pipe_end, POLLIN, 0}};
    if (poll(ends, 2, milliseconds) <= 0) return 0;
    return (ends[0].revents ? 1 : 0) | (ends[1].revents ? 2 : 0) | (ends[0].revents & (POLLHUP | POLLERR) ? 4 : 0);
}
