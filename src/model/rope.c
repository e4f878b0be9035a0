/* The backbone's rotary frequencies, plain or scaled beyond the context of pre-training, as Transformers has them
 * (d dimensions, pair i of d/2, f = theta^(-2i/d)):
 *
 *   linear    f / factor                                                    (kaiokendev 2023)
 *   dynamic   theta grows with the text: theta ((factor n / T) - (factor - 1))^(d/(d-2)), n tokens, trained on T
 *   yarn      f / factor for slow pairs, f for fast ones, a ramp between; cosine and sine scaled   (Peng et al. 2023)
 *   llama3    the same in terms of wavelengths, with the ramp linear in them; no scaling           (Llama 3.1)
 *
 * Under `dynamic` a token is turned by the text's length up to itself: what Transformers computes when it reads token
 * by token. When it reads a prompt at once it turns all of it by the whole length; a prompt here may be shared, and
 * read in pieces, so a token's keys must not depend on what follows it. */
#include "model/config.h"
#include <math.h>

static double at_pair(double theta, int i, int d) { return pow(theta, -2.0 * i / d); }

/* The pair that turns this often within the context of pre-training. */
static double pair_of(const struct lace_config *c, double turns)
{
    return c->head_dim * log(c->rope.original / (turns * 2 * M_PI)) / (2 * log(c->rope_theta));
}

static void yarn(const struct lace_config *c, float *frequency)
{
    int d = c->head_dim;
    double low = pair_of(c, c->rope.beta_fast), high = pair_of(c, c->rope.beta_slow);
    if (!c->rope.exact_range) low = floor(low), high = ceil(high);
    low = fmax(low, 0);
    high = fmin(high, d - 1);
    if (low == high) high += 0.001;
    for (int i = 0; i < d / 2; i++) {
        double f = at_pair(c->rope_theta, i, d), slow = fmin(fmax((i - low) / (high - low), 0), 1);
        frequency[i] = (float)(f / c->rope.factor * slow + f * (1 - slow));
    }
}

static void llama3(const struct lace_config *c, float *frequency)
{
    const struct lace_rope *r = &c->rope;
    int d = c->head_dim;
    for (int i = 0; i < d / 2; i++) {
        double f = at_pair(c->rope_theta, i, d), length = 2 * M_PI / f,
               smooth = (r->original / length - r->low_freq) / (r->high_freq - r->low_freq);
        if (length > r->original / r->low_freq) f /= r->factor;
        else if (length >= r->original / r->high_freq) f = (1 - smooth) * f / r->factor + smooth * f;
        frequency[i] = (float)f;
    }
}

float lace_rope_frequencies(const struct lace_config *c, int position, float *frequency)
{
    double theta = c->rope_theta, T = c->max_position_embeddings, n = position + 1.0, d = c->head_dim,
           divisor = c->rope.type == LACE_ROPE_LINEAR ? c->rope.factor : 1;
    if (c->rope.type == LACE_ROPE_YARN) {
        yarn(c, frequency);
        return (float)c->rope.attention_factor;
    }
    if (c->rope.type == LACE_ROPE_LLAMA3) {
        llama3(c, frequency);
        return 1;
    }
    if (c->rope.type == LACE_ROPE_DYNAMIC && n > T)
        theta *= pow(c->rope.factor * n / T - (c->rope.factor - 1), d / (d - 2));
    for (int i = 0; i < c->head_dim / 2; i++) frequency[i] = (float)(at_pair(theta, i, c->head_dim) / divisor);
    return 1;
}
