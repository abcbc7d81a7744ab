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
#include <stdatomic.h>
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

// Modes that terminfo of this age does not name: bracketed paste; and where it is wanted, that buttons of the mouse are told
// (1000) in decimal numbers (1006), as curses' own mouse is not everywhere.
struct hoptop_mode { const char *on, *off; };
static const struct hoptop_mode hoptop_paste = {"\033[?2004h", "\033[?2004l"};
static const struct hoptop_mode hoptop_mouse = {"\033[?1000h\033[?1006h", "\033[?1006l\033[?1000l"};
static bool hoptop_has_mouse;

void hoptop_set_locale(void) { setlocale(LC_ALL, ""); }
bool hoptop_is_utf8(void) { return MB_CUR_MAX > 1; }

enum hoptop_fitness hoptop_terminal_fitness(void) {
    int found = 0;
    if (setupterm(NULL, STDOUT_FILENO, &found) != OK) return HOPTOP_TERMINAL_UNKNOWN;
    const char *move = tigetstr("cup");
    const char *clear = tigetstr("clear");
    bool fits = move != NULL && move != (const char *)-1 && clear != NULL && clear != (const char *)-1;
    del_curterm(cur_term);
    return fits ? HOPTOP_TERMINAL_FITS : HOPTOP_TERMINAL_TOO_SIMPLE;
}

/// What a program that dies still tells the terminal.
enum { HOPTOP_RESET_SIZE = 512 };
static struct {
    char reset[HOPTOP_RESET_SIZE];
    size_t count;
    struct termios modes;
    atomic_bool armed;
} hoptop_last_words;

static void hoptop_arm(void);
static void hoptop_own_signals(void);
static void hoptop_release_signals(void);
static void hoptop_write(const char *text, size_t count);
static void hoptop_set_modes(bool on);

hoptop_screen *hoptop_start(bool with_mouse) {
    hoptop_has_mouse = with_mouse;
    tcgetattr(STDIN_FILENO, &hoptop_last_words.modes);
    hoptop_own_signals();
    set_escdelay(25);
    SCREEN *screen = newterm(NULL, stdout, stdin);
    if (screen == NULL) {
        hoptop_release_signals();
        return NULL;
    }
    // Once more: curses put handlers of its own in their place, which call curses from whatever thread they land on.
    hoptop_own_signals();
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
    hoptop_arm();
    hoptop_set_modes(true);
    hoptop_resize();  // It may have changed before anybody listened.
    return (hoptop_screen *)screen;
}
// Ours beside those of curses, which differ from version to version.
static const struct { int ours, curses; } hoptop_keys[] = {
    {HOPTOP_KEY_UP, KEY_UP}, {HOPTOP_KEY_DOWN, KEY_DOWN}, {HOPTOP_KEY_LEFT, KEY_LEFT},
    {HOPTOP_KEY_RIGHT, KEY_RIGHT}, {HOPTOP_KEY_PAGE_UP, KEY_PPAGE}, {HOPTOP_KEY_PAGE_DOWN, KEY_NPAGE},
    {HOPTOP_KEY_HOME, KEY_HOME}, {HOPTOP_KEY_END, KEY_END}, {HOPTOP_KEY_BACKSPACE, KEY_BACKSPACE},
    {HOPTOP_KEY_DELETE, KEY_DC}, {HOPTOP_KEY_BACK_TAB, KEY_BTAB}, {HOPTOP_KEY_ENTER, KEY_ENTER},
    {HOPTOP_KEY_PASTE_BEGINS, KEY_MAX + 1}, {HOPTOP_KEY_PASTE_ENDS, KEY_MAX + 2},
    {HOPTOP_KEY_MOUSE, KEY_MAX + 3},
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

void hoptop_put(int y, int x, struct hoptop_text text, int attributes, int pair) {
    wchar_t wide[] = {(wchar_t)text.base, (wchar_t)text.first_mark, (wchar_t)text.second_mark, 0};
    if (text.base > 0x7E && !hoptop_is_utf8()) {
        wide[0] = L'?';
        wide[1] = 0;
    }
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

bool hoptop_has_other_size(void) {
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0) return false;
    return size.ws_row != LINES || size.ws_col != COLS;
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

// MARK: When the program dies

static void hoptop_write(const char *text, size_t count) { (void)!write(STDOUT_FILENO, text, count); }
static void hoptop_set_mode(struct hoptop_mode mode, bool on) {
    const char *text = on ? mode.on : mode.off;
    hoptop_write(text, strlen(text));
}
static void hoptop_set_modes(bool on) {
    hoptop_set_mode(hoptop_paste, on);
    if (hoptop_has_mouse) hoptop_set_mode(hoptop_mouse, on);
}

bool hoptop_is_in_foreground(void) {
    pid_t group = tcgetpgrp(STDIN_FILENO);
    return group == -1 || group == getpgrp();  // -1: it is no session's terminal, or is gone.
}

/// Async-signal-safe: tells the terminal to be as before.
static void hoptop_restore_now(void) {
    if (!atomic_exchange(&hoptop_last_words.armed, false)) return;
    hoptop_write(hoptop_last_words.reset, hoptop_last_words.count);
    if (hoptop_is_in_foreground()) tcsetattr(STDIN_FILENO, TCSANOW, &hoptop_last_words.modes);
}
/// What the signal does to a program that does not catch it, but for the terminal.
static void hoptop_die(int number) {
    hoptop_restore_now();
    signal(number, SIG_DFL);
    raise(number);
}
static void hoptop_append_reset(const char *text) {
    if (text == NULL || text == (const char *)-1) return;
    size_t count = strlen(text);
    if (hoptop_last_words.count + count > HOPTOP_RESET_SIZE) return;
    memcpy(hoptop_last_words.reset + hoptop_last_words.count, text, count);
    hoptop_last_words.count += count;
}
/// After curses started: builds the reset string, and catches what ends a program at once.
static void hoptop_arm(void) {
    hoptop_last_words.count = 0;
    hoptop_append_reset(hoptop_paste.off);
    if (hoptop_has_mouse) hoptop_append_reset(hoptop_mouse.off);
    hoptop_append_reset(tigetstr("sgr0"));
    hoptop_append_reset(tigetstr("cnorm"));
    hoptop_append_reset(tigetstr("rmkx"));
    hoptop_append_reset(tigetstr("rmcup"));
    atomic_store(&hoptop_last_words.armed, true);
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = hoptop_die;
    action.sa_flags = (int)SA_RESETHAND;
    sigemptyset(&action.sa_mask);
    const int numbers[] = {SIGQUIT, SIGSEGV, SIGABRT, SIGILL, SIGTRAP, SIGBUS, SIGFPE};
    for (size_t index = 0; index < sizeof numbers / sizeof numbers[0]; index++) {
        struct sigaction now;
        if (sigaction(numbers[index], NULL, &now) == 0 && now.sa_handler == SIG_IGN) continue;
        sigaction(numbers[index], &action, NULL);
    }
}

// MARK: What signals ask of the thread that owns curses

/// Signals land on any thread, so their handlers only note what is asked, and ring.
static atomic_uint hoptop_noted;
static int hoptop_bell[2] = {-1, -1};
static atomic_bool hoptop_has_listener;

void hoptop_note(unsigned notes) {
    // Whoever notes first rings for all, until the notes are taken.
    if (atomic_fetch_or(&hoptop_noted, notes) == 0) (void)!write(hoptop_bell[1], "", 1);
}
unsigned hoptop_take_notes(void) {
    char rings[64];
    while (read(hoptop_bell[0], rings, sizeof rings) > 0) {}
    return atomic_exchange(&hoptop_noted, 0);
}
void hoptop_set_listening(bool listening) { atomic_store(&hoptop_has_listener, listening); }

static void hoptop_asked_to_leave(int number) {
    int kept = errno;
    // Asked again while nobody listens yet, the program ends as it would without us. A terminal that closes says so more
    // than once: the kernel does, and the shell.
    if (number != SIGHUP && !atomic_load(&hoptop_has_listener)
        && (atomic_load(&hoptop_noted) & HOPTOP_NOTE_LEAVE) != 0)
        hoptop_die(number);
    hoptop_note(number == SIGHUP ? HOPTOP_NOTE_HANG_UP : HOPTOP_NOTE_LEAVE);
    errno = kept;
}
static void hoptop_noticed(int number) {
    int kept = errno;
    hoptop_note(
        number == SIGWINCH ? HOPTOP_NOTE_RESIZED : number == SIGTSTP ? HOPTOP_NOTE_SUSPEND : HOPTOP_NOTE_RESUMED);
    errno = kept;
}
static void hoptop_catch(int number, void (*handler)(int)) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    sigemptyset(&action.sa_mask);
    action.sa_flags = SA_RESTART;
    action.sa_handler = handler;
    struct sigaction now;
    // What is ignored was ignored on purpose by who started us, as `nohup` does.
    if (sigaction(number, NULL, &now) == 0 && now.sa_handler != SIG_IGN) sigaction(number, &action, NULL);
}
bool hoptop_listen_for_signals(void) {
    if (hoptop_bell[0] == -1) {
        if (pipe(hoptop_bell) != 0) return false;
        for (int index = 0; index < 2; index++) {
            fcntl(hoptop_bell[index], F_SETFL, O_NONBLOCK);
            fcntl(hoptop_bell[index], F_SETFD, FD_CLOEXEC);
        }
    }
    hoptop_catch(SIGTERM, hoptop_asked_to_leave);
    hoptop_catch(SIGINT, hoptop_asked_to_leave);
    hoptop_catch(SIGHUP, hoptop_asked_to_leave);
    // Meant for a daemon, they would end the program and leave the terminal as it is.
    signal(SIGUSR1, SIG_IGN);
    signal(SIGUSR2, SIG_IGN);
    return true;
}
static void hoptop_own_signals(void) {
    hoptop_listen_for_signals();
    // Dispatch has them blocked; but this thread is to stop when it touches a terminal that is another job's.
    sigset_t stopping;
    sigemptyset(&stopping);
    sigaddset(&stopping, SIGTSTP);
    sigaddset(&stopping, SIGTTOU);
    sigaddset(&stopping, SIGTTIN);
    pthread_sigmask(SIG_UNBLOCK, &stopping, NULL);
    hoptop_catch(SIGWINCH, hoptop_noticed);
    hoptop_catch(SIGTSTP, hoptop_noticed);
    hoptop_catch(SIGCONT, hoptop_noticed);
}
static void hoptop_release_signals(void) {
    hoptop_catch(SIGWINCH, SIG_DFL);
    hoptop_catch(SIGTSTP, SIG_DFL);
    hoptop_catch(SIGCONT, SIG_DFL);
}

// MARK: Leaving the screen, for a while or for good

void hoptop_end(hoptop_screen *screen) {
    // A stopped job that is told to end does so in the background, where the terminal is the shell's.
    if (hoptop_is_in_foreground()) {
        if (atomic_exchange(&hoptop_last_words.armed, false)) hoptop_set_modes(false);
        endwin();
    } else {
        hoptop_restore_now();
    }
    hoptop_release_signals();
    delscreen((SCREEN *)screen);
}
void hoptop_suspend(bool with_group) {
    atomic_store(&hoptop_last_words.armed, false);
    hoptop_set_modes(false);
    endwin();
    hoptop_catch(SIGTSTP, SIG_DFL);
    atomic_fetch_and(&hoptop_noted, ~(unsigned)HOPTOP_NOTE_RESUMED);
    // As the terminal does it for Ctrl-Z: a script that runs us stops too, else nobody sees that we did.
    kill(with_group ? 0 : getpid(), SIGTSTP);
    // Whatever thread takes the signal, all of them stop soon; where no shell could take us up again, none does.
    for (int turn = 0; turn < 20 && (atomic_load(&hoptop_noted) & HOPTOP_NOTE_RESUMED) == 0; turn++) poll(NULL, 0, 10);
    hoptop_catch(SIGTSTP, hoptop_noticed);
}
void hoptop_stay_away(void) { hoptop_restore_now(); }
void hoptop_resume(void) {
    reset_prog_mode();
    if (!isendwin()) endwin();  // The next update enters the screen only where it was left.
    atomic_store(&hoptop_last_words.armed, true);
    hoptop_set_modes(true);
    hoptop_resize();
    hoptop_redraw();
}

int hoptop_wait(bool with_terminal, int milliseconds) {
    struct pollfd ends[2] = {{hoptop_bell[0], POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
    if (poll(ends, with_terminal ? 2 : 1, milliseconds) <= 0) return 0;
    return (ends[1].revents ? 1 : 0) | (ends[0].revents ? 2 : 0) | (ends[1].revents & (POLLHUP | POLLERR) ? 4 : 0);
}

// MARK: Keys without a screen

static struct termios hoptop_usual_modes;
static bool hoptop_has_plain_keys;

void hoptop_begin_plain_keys(void) {
    if (!hoptop_is_in_foreground() || tcgetattr(STDIN_FILENO, &hoptop_usual_modes) != 0) return;
    struct termios modes = hoptop_usual_modes;
    modes.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    hoptop_has_plain_keys = tcsetattr(STDIN_FILENO, TCSANOW, &modes) == 0;
}
void hoptop_end_plain_keys(void) {
    if (hoptop_has_plain_keys && hoptop_is_in_foreground()) tcsetattr(STDIN_FILENO, TCSANOW, &hoptop_usual_modes);
    hoptop_has_plain_keys = false;
}
int hoptop_read_plain_key(void) {
    unsigned char key;
    return read(STDIN_FILENO, &key, 1) == 1 ? key : -1;
}
