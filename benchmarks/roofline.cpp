// What one core of this processor can do, for benchmarks/roofline.py: prints "name value" lines, each the best of several tries.
// Rates are in floats a second (fma: floating-point operations, two a fused multiply-add; mul64: products of 64 x 64 bits), bandwidths in
// bytes a second. Compiled with -march=native.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

#if defined(__AVX512F__)
constexpr int lanes = 16;
#elif defined(__AVX__)
constexpr int lanes = 8;
#else
constexpr int lanes = 4;
#endif
typedef float vec __attribute__((vector_size(lanes * 4), may_alias));

static vec load(const float* p) { return *reinterpret_cast<const vec*>(p); }
static void store(float* p, vec v) { *reinterpret_cast<vec*>(p) = v; }
static vec root(vec v) {
    for (int j = 0; j < lanes; ++j) v[j] = __builtin_sqrtf(v[j]);
    return v;
}

// Seconds of the fastest of `tries` calls.
template <typename F>
static double seconds(int tries, const F& f) {
    double best = 1e9;
    for (int i = 0; i < tries; ++i) {
        const auto start = std::chrono::steady_clock::now();
        f();
        const double passed = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        if (passed < best) best = passed;
    }
    return best;
}

// Has v computed, whoever uses it.
static void keep(vec& v) { asm volatile("" : : "r"(&v) : "memory"); }

constexpr int chains = 10, turns = 100000;  // independent chains, more than latency times throughput

// Floats a second of `f`, applied over and over to `chains` vectors that stay in registers.
template <typename F>
static double in_registers(const F& f) {
    vec a[chains];
    const double passed = seconds(20, [&] {
        for (int j = 0; j < chains; ++j) a[j] = vec{} + (1.5f + 0.01f * static_cast<float>(j));  // alike, they would become one
        for (int i = 0; i < turns; ++i)
#pragma GCC unroll 10
            for (int j = 0; j < chains; ++j) a[j] = f(a[j]);
        for (auto& v : a) keep(v);
    });
    return static_cast<double>(turns) * chains * lanes / passed;
}

int main() {
    volatile float near_one = 0.9999f, small = 0.0001f;
    const vec b = vec{} + near_one, c = vec{} + small;
    std::printf("fma %.6g\n", 2 * in_registers([=](vec v) { return v * b + c; }));
    std::printf("sqrt %.6g\n", in_registers([](vec v) { return root(v); }));
    std::printf("div %.6g\n", in_registers([=](vec v) { return b / v; }));
    std::printf("sqrt_div %.6g\n", in_registers([=](vec v) { return b / root(v); }));

    uint64_t words[6] = {1, 2, 3, 4, 5, 6};
    const double multiplying = seconds(20, [&] {
        for (int i = 0; i < turns; ++i)
#pragma GCC unroll 6
            for (auto& word : words) {
                const auto product = static_cast<unsigned __int128>(0xD2E7470EE14C6C93ull) * word;
                word = static_cast<uint64_t>(product >> 64) ^ static_cast<uint64_t>(product);
            }
        asm volatile("" : : "r"(words) : "memory");
    });
    std::printf("mul64 %.6g\n", 6.0 * turns / multiplying);

    const struct {
        const char* name;
        size_t kib;
    } levels[] = {{"l1", 16}, {"l2", 256}, {"l3", 8 * 1024}, {"memory", 256 * 1024}};
    for (const auto& level : levels) {
        const size_t n = level.kib * 256, passes = (size_t{1} << 25) / n + 1;
        float* p = static_cast<float*>(std::aligned_alloc(64, n * sizeof(float)));
        if (p == nullptr) return 1;
        std::memset(p, 0, n * sizeof(float));
        const double bytes = static_cast<double>(n) * sizeof(float) * static_cast<double>(passes);
        const double reading = seconds(5, [&] {
            vec sum[4] = {};
            for (size_t pass = 0; pass < passes; ++pass) {
                for (size_t i = 0; i < n; i += 4 * lanes)
                    for (int u = 0; u < 4; ++u) sum[u] += load(p + i + u * lanes);
                for (auto& s : sum) keep(s);
            }
        });
        const double updating = seconds(5, [&] {
            for (size_t pass = 0; pass < passes; ++pass) {
                for (size_t i = 0; i < n; i += 4 * lanes)
                    for (int u = 0; u < 4; ++u) store(p + i + u * lanes, load(p + i + u * lanes) + b);
                asm volatile("" : : "r"(p) : "memory");
            }
        });
        std::printf("%s_read %.6g\n%s_update %.6g\n", level.name, bytes / reading, level.name, bytes / updating);
        std::free(p);
    }
    return 0;
}
