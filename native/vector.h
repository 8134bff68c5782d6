// The vector type of one instruction-set level, by the compiler's vector extensions (GCC and Clang).
// Included once per level, inside that level's namespace.
#pragma once

template <size_t... i>
struct Indices {};
template <size_t n, size_t... i>
struct Counted : Counted<n - 1, n - 1, i...> {};
template <size_t... i>
struct Counted<0, i...> {
    using type = Indices<i...>;
};
using AllLanes = Counted<CAVIAR_LANES>::type;

typedef float vec __attribute__((vector_size(CAVIAR_LANES * 4), may_alias));
typedef int32_t ivec __attribute__((vector_size(CAVIAR_LANES * 4), may_alias));
typedef uint16_t half_words __attribute__((vector_size(CAVIAR_LANES * 2)));

constexpr int lanes = CAVIAR_LANES;
constexpr int vectors = strip / lanes;  // vectors in one row of a strip

inline vec load(const float* p) { return *reinterpret_cast<const vec*>(p); }
inline void store(float* p, vec v) { *reinterpret_cast<vec*>(p) = v; }
inline vec broadcast(float s) { return s - vec{}; }  // x - 0 is x for every x; x + 0 is not, for -0, and would cost an addition

// a where the condition's lane is set (all ones), else b.
inline vec choose(ivec condition, vec a, vec b) { return condition ? a : b; }

// v's lanes turned by `by` places.
template <int by, size_t... lane>
inline vec turned(vec v, Indices<lane...>) {
    return __builtin_shufflevector(v, v, static_cast<int>((lane + by) % lanes)...);
}

// The sum of the lanes, in log2(lanes) turns.
template <int by = lanes / 2>
inline float sum_of_lanes(vec v) {
    if constexpr (by == 0)
        return v[0];
    else
        return sum_of_lanes<by / 2>(v + turned<by>(v, AllLanes{}));
}

// One step of a transposition in the plane: the blocks beside the diagonal change places.
template <int step, size_t... lane>
inline void exchange(vec& a, vec& b, Indices<lane...>) {
    const vec first = __builtin_shufflevector(a, b, static_cast<int>(lane & step ? lanes + lane - step : lane)...);
    b = __builtin_shufflevector(a, b, static_cast<int>(lane & step ? lanes + lane : lane + step)...);
    a = first;
}
template <int step = lanes / 2>
inline void transpose_square(vec* rows) {
    if constexpr (step > 0) {
        for (int i = 0; i < lanes; ++i)
            if ((i & step) == 0) exchange<step>(rows[i], rows[i + step], AllLanes{});
        transpose_square<step / 2>(rows);
    }
}

inline vec square_root(vec v) {
    alignas(64) float lane[lanes];
    store(lane, v);
    for (int j = 0; j < lanes; ++j) lane[j] = __builtin_sqrtf(lane[j]);
    return load(lane);
}

// e**x by Cody and Waite's range reduction and a polynomial of degree 6 (Cephes expf); relative error below 2e-7.
// NaN stays NaN; below -87.3 the result is 0 or the smallest normal number, above 88.3 it is about e**88.3.
inline vec exponential(vec x) {
    x = choose(x > 88.3f, broadcast(88.3f), x);
    const ivec zero = x < -87.3f;
    x = choose(zero, broadcast(-87.3f), x);
    const vec scaled = x * 1.44269504088896341f;
    const vec half = choose(scaled < 0.0f, broadcast(-0.5f), broadcast(0.5f));
    const ivec n = __builtin_convertvector(scaled + half, ivec);
    const vec nf = __builtin_convertvector(n, vec);
    const vec r = (x - nf * 0.693359375f) + nf * 2.12194440e-4f;
    vec p = broadcast(1.9875691500e-4f);
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    const vec result = p * (vec)((n + 127) << 23);
    return choose(zero, vec{}, result);
}

// The error function: Abramowitz and Stegun 7.1.26, within 1.5e-7 of the truth in exact arithmetic and 5e-7 in float32, whose own step
// near 1 is 1.2e-7.
inline vec error_function(vec x) {
    const vec size = choose(x < 0.0f, -x, x);
    const vec t = 1.0f / (1.0f + 0.3275911f * size);
    vec p = broadcast(1.061405429f);
    p = p * t - 1.453152027f;
    p = p * t + 1.421413741f;
    p = p * t - 0.284496736f;
    p = p * t + 0.254829592f;
    const vec value = 1.0f - p * t * exponential(-x * x);
    return choose(x < 0.0f, -value, value);
}
