#include "outlet.h"
#include "options.h"
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

int cli_outlet_open(struct cli_outlet *o, const char *name)
{
    struct stat st;
    *o = (struct cli_outlet){.name = name};
    bool in_place = !stat(name, &st) && !S_ISREG(st.st_mode);
    if (!in_place && (size_t)snprintf(o->part, sizeof o->part, "%s.part", name) >= sizeof o->part)
        return cli_misuse("The name of the output file is too long.");
    o->file = fopen(in_place ? name : o->part, "w");
    return o->file ? 0 : cli_fail("%s: cannot be written: %s.", name, strerror(errno));
}

void cli_outlet_write(struct cli_outlet *o, const char *bytes, size_t len)
{
    if (o->file && fwrite(bytes, 1, len, o->file) != len) o->failed = true;
}

int cli_outlet_complain(const struct cli_outlet *o)
{
    return cli_fail("%s: the output could not be written; is the disk full?", o->name ? o->name : "stdout");
}

int cli_outlet_close(struct cli_outlet *o, int status)
{
    if (!o->file) return status;
    if (fflush(o->file)) o->failed = true;
    if (o->name && fclose(o->file)) o->failed = true;
    if (!status && o->failed) status = cli_outlet_complain(o);
    if (!o->name || !o->part[0]) return status;
    if (!status && rename(o->part, o->name))
        status = cli_fail("%s: cannot take its name: %s.", o->name, strerror(errno));
    if (status) remove(o->part);
    return status;
}
