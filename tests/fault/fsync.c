/* Preloaded into the server by disk.rs: fsync and fdatasync fail with EIO while the file named by FSYNC_FAILS_WHILE is there,
 * as they do when a disk loses what it was given. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static int is_broken(void)
{
    const char *trigger = getenv("FSYNC_FAILS_WHILE");
    return trigger != NULL && access(trigger, F_OK) == 0;
}

static int sync_with(const char *name, int file)
{
    int (*real)(int);

    if (is_broken()) {
        errno = EIO;
        return -1;
    }
    *(void **)&real = dlsym(RTLD_NEXT, name);
    return real(file);
}

int fsync(int file)
{
    return sync_with("fsync", file);
}

int fdatasync(int file)
{
    return sync_with("fdatasync", file);
}
