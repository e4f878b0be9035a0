/* What each row may see: the only place where a mask is decided.
 *
 * Ordinary causal attention of thread n (P prompt slots, the thread's own past, itself):
 *
 *     prompt        own slots
 *     [0 ... P-1]   [0 ... j]  j+1 ...
 *      visible       visible    never
 *
 * In a sliding layer of window w the row at position p sees of all these the positions p-w+1 .. p alone; where P + j
 * is the position of own slot j, the window passes over the prompt's end without a seam.
 *
 * The lattice, for thread n at clock time t, over the slots of another thread m (times ascend along a thread;
 * a thread may start later or wait, so times may jump):
 *
 *     time          ... t-w | t-w+1 ... t-1 |  t  | t+1 ...
 *     aligned          .    |   .        .  |  x  |   .
 *     window w         .    |   x        x  |  x  |   .
 *     causal           x    |   x        x  |  x  |   .
 *
 * A slot of a later time is never visible, in training as in decoding. m = n is visible only where `self` is set;
 * `ring k` shows the k neighbours on each side. Prompt rows see nothing of the lattice. */
#include "model/batch.h"
#include <stdlib.h>

/* First of the span's stored slots whose time is later than t (its end where there is none). */
static int first_after(const struct lace_span *s, const int *time, int t)
{
    int lo = s->slot, hi = s->slot + s->past + s->rows;
    while (lo < hi) {
        int middle = lo + (hi - lo) / 2;
        if (time[middle] > t) hi = middle;
        else lo = middle + 1;
    }
    return lo;
}

static struct lace_range visible_slots(const struct lace_show *show, const struct lace_span *s, const int *time, int t)
{
    int end = first_after(s, time, t), begin = s->slot;
    if (show->visible == LACE_ALIGNED) begin = first_after(s, time, t - 1);
    if (show->visible == LACE_WINDOW) begin = first_after(s, time, t - show->window);
    return (struct lace_range){begin, end};
}

static bool connected(const struct lace_lattice_config *l, int n, int m, int threads)
{
    if (n == m) return l->self;
    if (l->topology == LACE_ALL) return true;
    int apart = abs(n - m);
    if (threads - apart < apart) apart = threads - apart;
    return apart <= l->ring;
}

static struct lace_view_block *add_block(struct lace_view_store *s, int row, int rows, int segs)
{
    struct lace_view *v = &s->view;
    int first =
        v->blocks ? s->block[v->blocks - 1].first + s->block[v->blocks - 1].rows * s->block[v->blocks - 1].segs : 0;
    size_t need;
    if (v->blocks == s->block_cap || !lace_mul((size_t)rows, (size_t)segs, &need) ||
        need > (size_t)(s->range_cap - first))
        return NULL;
    struct lace_view_block *b = &s->block[v->blocks++];
    *b = (struct lace_view_block){row, rows, segs, first};
    return b;
}

static void count_keys(struct lace_view_store *s, const struct lace_view_block *b)
{
    int keys = 0;
    for (int seg = 0; seg < b->segs; seg++) {
        int lo = 0, hi = 0;
        for (int i = 0; i < b->rows; i++) {
            struct lace_range r = s->range[b->first + i * b->segs + seg];
            if (r.lo >= r.hi) continue;
            if (lo == hi) lo = r.lo, hi = r.hi;
            if (r.lo < lo) lo = r.lo;
            if (r.hi > hi) hi = r.hi;
        }
        keys += hi - lo;
    }
    if (keys > s->view.max_keys) s->view.max_keys = keys;
}

/* The first row of the group's threads, and their number. */
static int thread_rows(const struct lace_group *g, int *first)
{
    int rows = 0;
    for (int n = 0; n < g->threads; n++) {
        if (g->thread[n].rows && !rows) *first = g->thread[n].row;
        rows += g->thread[n].rows;
    }
    return rows;
}

/* Slots of a text from slot `first` on whose first token has this position, up to `end`, as a row at `position` sees
 * them: all, or those that its window holds. */
static struct lace_range within(int first, int end, int starts_at, int position, int window)
{
    int hidden = window ? position + 1 - window - starts_at : 0;
    return (struct lace_range){hidden > 0 ? first + hidden : first, end};
}

/* Ordinary attention of a group's rows; window 0: of layers that do not slide. */
static int build_causal(struct lace_view_store *store, const struct lace_group *g, int window)
{
    const struct lace_span *p = &g->prompt;
    int first_row = 0, rows = thread_rows(g, &first_row), prompt = p->past + p->rows;
    if (p->rows) {
        struct lace_view_block *block = add_block(store, p->row, p->rows, 1);
        if (!block) return -1;
        for (int i = 0; i < p->rows; i++)
            store->range[block->first + i] = within(p->slot, p->slot + p->past + i + 1, 0, p->past + i, window);
        count_keys(store, block);
    }
    if (!rows) return 0;
    struct lace_view_block *block = add_block(store, first_row, rows, 1 + g->threads);
    if (!block) return -1;
    struct lace_range *range = &store->range[block->first];
    for (int n = 0; n < g->threads; n++)
        for (int i = 0; i < g->thread[n].rows; i++, range += block->segs) {
            const struct lace_span *s = &g->thread[n];
            int position = prompt + s->past + i;
            range[0] = within(p->slot, p->slot + prompt, 0, position, window);
            for (int m = 0; m < g->threads; m++)
                range[1 + m] = m == n ? within(s->slot, s->slot + s->past + i + 1, prompt, position, window)
                                      : (struct lace_range){0, 0};
        }
    count_keys(store, block);
    return 0;
}

static int build_lattice(struct lace_batch *b, const struct lace_group *groups, int index,
                         const struct lace_cache *cache, const struct lace_lattice_config *l)
{
    const struct lace_group *g = &groups[index];
    int first_row = 0, rows = thread_rows(g, &first_row);
    if (!rows || l->kind == LACE_KIND_NONE) return 0;
    struct lace_show show = g->show.set ? g->show : (struct lace_show){true, l->visible, l->window};
    /* A muted group has a block that shows nothing: attention leaves rows without a block untouched, and the group's
     * keys must be stored for those who may see them. */
    const struct lace_group *seen = &groups[g->see < 0 ? index : g->see];
    int segs = g->see < 0 ? 0 : seen->threads;
    struct lace_view_block *block = add_block(&b->lattice, first_row, rows, segs ? segs : 1);
    if (!block) return -1;
    struct lace_range *range = &b->lattice.range[block->first];
    for (int n = 0; n < g->threads; n++)
        for (int i = 0; i < g->thread[n].rows; i++, range += block->segs) {
            range[0] = (struct lace_range){0, 0};
            for (int m = 0; m < segs; m++)
                range[m] = connected(l, n, m, g->threads) && (n == m || g->unheard != m + 1)
                               ? visible_slots(&show, &seen->thread[m], cache->time, b->time[g->thread[n].row + i])
                               : (struct lace_range){0, 0};
        }
    count_keys(&b->lattice, block);
    return 0;
}

int lace_view_build(struct lace_batch *b, const struct lace_group *groups, int count, const struct lace_cache *cache,
                    const struct lace_model *m, struct lace_error *err)
{
    struct lace_view_store *stores[] = {&b->causal, &b->sliding, &b->lattice};
    int window = m->config.sliding_window;
    for (int i = 0; i < 3; i++) stores[i]->view.blocks = stores[i]->view.max_keys = 0;
    for (int g = 0; g < count; g++)
        if (build_causal(&b->causal, &groups[g], 0) || (window && build_causal(&b->sliding, &groups[g], window)) ||
            build_lattice(b, groups, g, cache, &m->lattice))
            return lace_fail(err, LACE_BAD, "The batch has no room for what %d groups may see.", count);
    return 0;
}
