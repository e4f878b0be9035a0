#include "io/model_dir.h"
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool has(const char *dir, const char *name)
{
    char path[PATH_MAX];
    return !lace_join(path, dir, name, NULL) && !access(path, F_OK);
}

static bool ends(const char *name, const char *ending)
{
    size_t n = strlen(name), m = strlen(ending);
    return n > m && !strcmp(name + n - m, ending);
}

/* Any file of the directory with one of the endings. */
static bool has_kind(const char *dir, const char *const *endings)
{
    DIR *d = opendir(dir);
    bool found = false;
    if (!d) return false;
    for (struct dirent *e; !found && (e = readdir(d));)
        for (int i = 0; endings[i] && !found; i++) found = ends(e->d_name, endings[i]);
    closedir(d);
    return found;
}

/* "Qwen/Qwen3-0.6B": a name on the hub, which lace does not fetch. */
static bool is_hub_name(const char *text)
{
    const char *slash = strchr(text, '/');
    return slash && slash != text && slash[1] && !strchr(slash + 1, '/') && text[0] != '.' && text[0] != '~';
}

static int check_exists(const char *dir, const char *what, struct lace_error *err)
{
    struct stat st;
    if (stat(dir, &st)) {
        if (errno == ENOENT && is_hub_name(dir))
            return lace_fail(
                err, LACE_SYSTEM,
                "There is no %s directory %s: lace downloads nothing; if this is a name on the Hugging Face "
                "hub, fetch it first: hf download %s --local-dir DIR.",
                what, dir, dir);
        return lace_fail(err, LACE_SYSTEM, "There is no %s directory %s: %s.", what, dir, strerror(errno));
    }
    if (S_ISDIR(st.st_mode)) return 0;
    return lace_fail(err, LACE_BAD,
                     "%s is a file, and no GGUF file; give the directory that holds config.json and model.safetensors.",
                     dir);
}

/* The part that a name says it is, from "-00002-of-00003.gguf"; 1 where it says nothing. */
static long part_of(const char *name)
{
    size_t len = strlen(name), tail = sizeof "-00001-of-00001.gguf" - 1;
    const char *end = len > tail ? name + len - tail : "";
    if (*end != '-' || strspn(end + 1, "0123456789") != 5 || strncmp(end + 6, "-of-", 4)) return 1;
    return strtol(end + 1, NULL, 10);
}

/* The GGUF file of a directory, into found (NAME_MAX + 1 bytes); returns how many models there are. */
static int find_gguf(const char *dir, char *found)
{
    DIR *d = opendir(dir);
    int count = 0;
    for (struct dirent *e; d && (e = readdir(d));) {
        if (e->d_name[0] == '.' || !ends(e->d_name, ".gguf") || part_of(e->d_name) != 1) continue;
        if (!strncmp(e->d_name, "mmproj", 6)) continue; /* of a model that sees: what turns pictures into its input */
        if (!count++ || strcmp(e->d_name, found) < 0) snprintf(found, NAME_MAX + 1, "%s", e->d_name);
    }
    if (d) closedir(d);
    return count;
}

int lace_model_gguf(const char *model, char *path, struct lace_error *err)
{
    struct stat st;
    char name[NAME_MAX + 1], magic[4] = "";
    if (stat(model, &st)) return 0;
    if (S_ISREG(st.st_mode)) {
        FILE *f = fopen(model, "r");
        bool is = f && fread(magic, 1, 4, f) == 4 && !memcmp(magic, "GGUF", 4);
        if (f) fclose(f);
        if (!is && !ends(model, ".gguf")) return 0; /* of one that is called so, the reader says what is wrong */
        if (snprintf(path, PATH_MAX, "%s", model) < PATH_MAX) return 1;
        return lace_fail(err, LACE_BAD, "The path %.300s is too long.", model);
    }
    if (!S_ISDIR(st.st_mode) || has(model, "model.safetensors") || has(model, "model.safetensors.index.json")) return 0;
    int count = find_gguf(model, name);
    if (!count) return 0;
    if (count > 1)
        return lace_fail(err, LACE_BAD, "%.300s holds %d GGUF files; name one of them, like %.300s/%.200s.", model,
                         count, model, name);
    int code = lace_join(path, model, name, err);
    return code ? code : 1;
}

int lace_model_not_gguf(const char *model, const char *what, struct lace_error *err)
{
    char path[PATH_MAX];
    int gguf = lace_model_gguf(model, path, err);
    if (gguf <= 0) return gguf;
    return lace_fail(
        err, LACE_BAD,
        "%s starts from a directory with config.json, model.safetensors and tokenizer.json; %.300s is a GGUF "
        "file, which runs as it is.",
        what, path);
}

int lace_model_dir_check(const char *dir, struct lace_error *err)
{
    static const char *const pickled[] = {".bin", ".pt", ".pth", ".ckpt", NULL};
    char path[PATH_MAX];
    int gguf = lace_model_gguf(dir, path, err);
    if (gguf) return gguf < 0 ? gguf : 0;
    int code = check_exists(dir, "model", err);
    bool config = has(dir, "config.json"),
         weights = has(dir, "model.safetensors") || has(dir, "model.safetensors.index.json");
    if (code || (config && weights)) return code;
    if (has(dir, "adapter_config.json"))
        return lace_fail(
            err, LACE_BAD,
            "%s is a LoRA adapter, not a model; merge it into its model with merge_and_unload() of PEFT and "
            "save that.",
            dir);
    if (!config && has(dir, "lattice_config.json"))
        return lace_fail(err, LACE_BAD,
                         "%s is a lattice; name the model that it belongs to with --model, and this "
                         "with --lattice.",
                         dir);
    if (!weights && has(dir, "consolidated.safetensors"))
        return lace_fail(err, LACE_BAD,
                         "%s holds consolidated.safetensors, Mistral's own layout; lace reads the model*.safetensors "
                         "that are published beside it.",
                         dir);
    if (!weights && has_kind(dir, pickled))
        return lace_fail(err, LACE_BAD,
                         "%s holds pickled weights, which can run code when they are read; load them with Transformers "
                         "and save_pretrained() writes model.safetensors.",
                         dir);
    if (!config && has(dir, "model/config.json")) /* the folder of a run of lace train */
        return lace_fail(err, LACE_BAD, "%s is no model; its model is %s/model.", dir, dir);
    if (!config && !weights)
        return lace_fail(
            err, LACE_BAD,
            "%s holds no model; give a directory with config.json, model.safetensors and tokenizer.json, or "
            "a GGUF file.",
            dir);
    return 0;
}

int lace_lattice_dir_check(const char *dir, struct lace_error *err)
{
    int code = check_exists(dir, "lattice", err);
    if (code || has(dir, "lattice_config.json")) return code;
    if (has(dir, "adapter_config.json"))
        return lace_fail(err, LACE_BAD, "%s is a LoRA adapter, not a lattice; lace init attaches a lattice to a model.",
                         dir);
    if (has(dir, "lattice/lattice_config.json"))
        return lace_fail(err, LACE_BAD, "%s is a model, not a lattice; its lattice is %s/lattice.", dir, dir);
    if (has(dir, "config.json"))
        return lace_fail(err, LACE_BAD, "%s is a model, not a lattice; lace init attaches a lattice to it.", dir);
    return 0;
}

int lace_new_dir_check(const char *dir, const char *what, struct lace_error *err)
{
    DIR *d = opendir(dir);
    bool holds = false;
    if (!d && errno == ENOENT) return 0;
    if (!d)
        return lace_fail(err, LACE_SYSTEM, "%s cannot become the folder of the %s: %s.", dir, what, strerror(errno));
    for (struct dirent *e; (e = readdir(d));) holds |= strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
    closedir(d);
    return holds ? lace_fail(err, LACE_BAD,
                             "The folder %s is not empty; name a new one, so that nothing is overwritten.", dir)
                 : 0;
}
