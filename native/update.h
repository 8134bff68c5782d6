// Every optimiser of the course in one pass over the flat arrays. Included once per level, inside that level's namespace.
//
//   g            gradient, plus l2 * p for weights
//   first        beta1 * first  + (1 - beta1) * g          kept by momentum and adam
//   second       beta2 * second + (1 - beta2) * g * g      kept by rmsprop and adam
//   p            p - rate * first / (sqrt(second) * root_correction + epsilon)
//
// adam corrects both for their start at zero: rate = learning_rate / (1 - beta1**t), root_correction = 1 / sqrt(1 - beta2**t).
#pragma once

template <bool keep_first, bool keep_second>
inline void update(float* __restrict p, const float* __restrict g, float* __restrict first, float* __restrict second, size_t n, float rate,
                   float beta1, float beta2, float root_correction, float epsilon, float l2) {
    for (size_t i = 0; i < n; ++i) {
        const float gradient = g[i] + l2 * p[i];
        float direction = gradient;
        if constexpr (keep_first) {
            first[i] = beta1 * first[i] + (1.0f - beta1) * gradient;
            direction = first[i];
        }
        if constexpr (keep_second) {
            second[i] = beta2 * second[i] + (1.0f - beta2) * gradient * gradient;
            direction = direction / (__builtin_sqrtf(second[i]) * root_correction + epsilon);
        }
        p[i] -= rate * direction;
    }
}
