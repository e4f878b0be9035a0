/* The family `path`: the length of the shortest way through one-way roads.
 *   Shortest from a to h: a3b, a5c, b4d, c6d, b1e, c2e, d2h, e7h.
 * `b4d` is a road of length 4 from b to d. There is no circle, and no more than two roads lead into a node and out of
 * it. A line settles one node, by its distance from the start or to the goal, or joins both over two nodes that no way
 * can avoid:
 *   To d: b3+4=7, c5+6=11, so 7.        d is 7 from the start
 *   From e: h0+7=7, so 7.               e is 7 from the goal
 *   Via: d7+2=9, e4+7=11, so 9.         the whole way
 * path.c reads and writes problems and lines; path_work.c says which lines lead to the answer. */
#ifndef LACE_PATH_H
#define LACE_PATH_H
#include "synth/work.h"

enum {
    PATH_LAYERS = 12,
    PATH_NODES = 26,
    PATH_ROADS = 80,
    PATH_LENGTH = 99,
    PATH_LINE = 96,
    PATH_MOVES = 2 * PATH_NODES + 1
};

struct lace_path_road {
    uint8_t from, to; /* 0 is the letter a */
    uint8_t length;
    char toll; /* in joints (join.h): a letter whose value is the length, `a(p)b`; otherwise 0 */
};

/* One direction of the roads at a node: those that lead into it, or those that lead out of it. */
struct lace_path_end {
    uint8_t count, node[2], length[2];
    char toll[2];
};

struct lace_path {
    int start, goal;
    int road_count;
    struct lace_path_road road[PATH_ROADS]; /* those on some way from start to goal */
    struct lace_path_end in[PATH_NODES], out[PATH_NODES];
    uint8_t node[PATH_NODES]; /* the nodes that are on some way, each after those that lead to it */
    int node_count;
    int from_start[PATH_NODES], to_goal[PATH_NODES];
    int cut[2];                /* two nodes that no way avoids, as near the middle as there are; cut[0] < 0: none */
    uint32_t near, far;        /* bits of the nodes before and behind the cut, with it, without start and goal */
    uint8_t order[PATH_NODES]; /* a node's place in node[] */
};

enum lace_path_kind { PATH_TO, PATH_FROM, PATH_VIA };

/* A line as numbers. A term is a node, what is known of it, and what is added. */
struct lace_path_line {
    enum lace_path_kind kind;
    int node; /* -1 for PATH_VIA */
    int terms;
    struct lace_path_term {
        int node, known, add, sum;
    } term[2];
    int so;
};

/* Fills a problem from its roads and ends; the roads may be more than are needed. */
int lace_path_init(struct lace_path *p, int start, int goal, const struct lace_path_road *roads, int count,
                   struct lace_error *err);
/* A number that follows from the lengths and from who leads to whom, not from the letters. */
uint64_t lace_path_shape(const struct lace_path *p);
/* Draws letters that are not among `used` (bits), a start, a goal and roads in `layers` layers of two nodes; returns the
 * number of roads. */
int lace_path_draw_roads(int layers, uint32_t used, struct lace_rng *rng, struct lace_path_road *roads, int *start,
                         int *goal);
int lace_path_parse(struct lace_path *p, const char *prompt, struct lace_error *err);
/* The same without looking at the roads; false: not a prompt of this family. */
bool lace_path_read_prompt(const char *prompt, bool tolls, struct lace_path_road *roads, int *count, int *start,
                           int *goal);
/* The nodes of roads (bits). */
uint32_t lace_path_used(const struct lace_path_road *roads, int count);
/* Distractions avoid the letters of `used` (bits). */
void lace_path_prompt(const void *problem, int ambiguity, uint32_t used, struct lace_rng *rng, struct lace_text *out);
/* What a line comes to; known (PATH_NODES) has the distances of the nodes that it builds on, from the start for
 * PATH_TO, to the goal for PATH_FROM. PATH_VIA takes `more` as well, the distances to the goal. */
void lace_path_settle(const struct lace_path *p, enum lace_path_kind kind, int node, const int *known, const int *more,
                      struct lace_path_line *line);
/* Makes a true line false by one number of a term: its value becomes too small, or too large. The number is a sum, or
 * also the length of a road. */
void lace_path_slip(struct lace_path_line *line, bool small, bool roads, struct lace_rng *rng);
/* What readers take from it: the least of the written sums. */
int lace_path_value(const struct lace_path_line *line);
/* 0: right; otherwise what is wrong with it: */
enum { PATH_LOOKUP = 1, PATH_SUM, PATH_CHOICE };
int lace_path_judge(const struct lace_path *p, const struct lace_path_line *line, bool *misled);
/* Writes the line into text (PATH_LINE bytes are enough) and returns its length. */
int lace_path_write_line(const struct lace_path_line *line, char *text);
/* False: not a line of this family. */
bool lace_path_read_line(const char *text, struct lace_path_line *line);

/* The terms of a line of lace_path_work; returns their number. */
int lace_path_terms(const struct lace_work_line *line, struct lace_path_term term[2]);

/* The moves: To a to z, From a to z, Via. Joints have them among their own. */
extern const struct lace_work lace_path_work;
#endif
