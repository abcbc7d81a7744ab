#pragma once

/// Gives those threads of the process the user, the group and the supplementary groups of the calling one that the C library
/// left as they were, and looks whether all have them now.
///
/// Returns 0, or an error number.
int hoptop_become_in_all_threads(void);
