/// Makes the disk of a program fail.
///
/// Preloaded (LD_PRELOAD) into the program: while the file that HOPTOP_FAULT names exists, every write and every sync of a
/// file fails with the error whose number is in it, or waits for the file to go when it holds none.
#ifndef DISK_FAULTS_H
#define DISK_FAULTS_H
#endif
