// The vector type of one instruction-set level, by the compiler's vector extensions (GCC and Clang).
// Included once per level, inside that level's namespace.
#pragma once

typedef float vec __attribute__((vector_size(CAVIAR_LANES * 4), may_alias));
typedef int32_t ivec __attribute__((vector_size(CAVIAR_LANES * 4), may_alias));

constexpr int lanes = CAVIAR_LANES;
constexpr int vectors = strip / lanes;  // vectors in one row of a strip

inline vec load(const float* p) { return *reinterpret_cast<const vec*>(p); }
inline void store(float* p, vec v) { *reinterpret_cast<vec*>(p) = v; }
inline vec broadcast(float s) { return s - vec{}; }  // x - 0 is x for every x; x + 0 is not, for -0, and would cost an addition

// a where the condition's lane is set (all ones), else b.
inline vec choose(ivec condition, vec a, vec b) { return (vec)((condition & (ivec)a) | (~condition & (ivec)b)); }

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
