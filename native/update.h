// Every optimiser in one pass over the flat arrays. Included once per level, inside that level's namespace.
//
//   g            scale * (gradient + l2 * p)               l2 on weights only; scale clips by the global norm
//   first        beta1 * first  + (1 - beta1) * g          kept by momentum, nesterov, adam and adamw
//   second       beta2 * second + (1 - beta2) * g * g      kept by rmsprop, adam, adamw and schedule_free
//   direction    first; nesterov looks one step ahead, beta1 * first + (1 - beta1) * g; g where no first moment is kept
//   step         rate * direction / (sqrt(second) * root_correction + epsilon) + decay * p
//   p            p - step
//
// schedule_free: p is y, where gradients are taken; first is the base z; the average x = z + (y - z) / beta1, which predicts, has no array
// (Defazio et al. 2024). Its x' = (1 - fresh) x + fresh z' and y' = (1 - beta1) z' + beta1 x' are, in y and z alone:
//   p            p + fresh * (first - p) - lead * step     lead = 1 - beta1 * (1 - fresh)
//   first        first - step
//
// adam and adamw correct both moments for their start at zero, schedule_free its second: rate = learning_rate / (1 - beta1**t),
// root_correction = 1 / sqrt(1 - beta2**t). decay = learning_rate * weight_decay, for the weights of adamw and
// schedule_free (Loshchilov and Hutter 2019).
#pragma once

struct Rule {
    float rate, beta1, beta2, root_correction, epsilon, l2, scale, decay, fresh, lead;
};

template <bool keep_first, bool keep_second, bool nesterov, bool schedule_free>
inline void update(float* __restrict p, const float* __restrict g, float* __restrict first, float* __restrict second, size_t n,
                   const Rule& given) {
    const Rule rule = given;  // a copy, which the compiler knows that p does not overlap
    for (size_t i = 0; i < n; ++i) {
        const float gradient = rule.scale * (g[i] + rule.l2 * p[i]);
        float direction = gradient;
        if constexpr (keep_first && !schedule_free) {
            first[i] = rule.beta1 * first[i] + (1.0f - rule.beta1) * gradient;
            direction = nesterov ? rule.beta1 * first[i] + (1.0f - rule.beta1) * gradient : first[i];
        }
        if constexpr (keep_second) {
            second[i] = rule.beta2 * second[i] + (1.0f - rule.beta2) * gradient * gradient;
            direction = direction / (__builtin_sqrtf(second[i]) * rule.root_correction + rule.epsilon);
        }
        const float step = rule.rate * direction + rule.decay * p[i];
        if constexpr (schedule_free) {
            p[i] += rule.fresh * (first[i] - p[i]) - rule.lead * step;
            first[i] -= step;
        } else {
            p[i] -= step;
        }
    }
}

// kept <- beta * kept + (1 - beta) * scale * now: the averages that predictions use.
inline void average(float* __restrict kept, const float* __restrict now, size_t n, double beta, double scale) {
    const float old = static_cast<float>(beta), fresh = static_cast<float>((1.0 - beta) * scale);
    for (size_t i = 0; i < n; ++i) kept[i] = old * kept[i] + fresh * now[i];
}

// The sum of the squares of gradient + l2 * p.
inline double squared_norm(const float* p, const float* g, size_t n, float l2) {
    double total = 0.0;
    for (size_t start = 0; start < n; start += 4096) {  // floats within a block, doubles between blocks
        const size_t end = start + 4096 < n ? start + 4096 : n;
        vec sum{};
        for (size_t i = start; i < end; i += lanes) {
            const vec gradient = load(g + i) + l2 * load(p + i);
            sum += gradient * gradient;
        }
        total += static_cast<double>(sum_of_lanes(sum));
    }
    return total;
}
