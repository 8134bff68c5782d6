// Checks for the native tests: each says where it stands and what it saw, and the program goes on to the next; `failures` is its status.
#pragma once
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

namespace caviar_tests {

inline int failures = 0;

inline void check(bool holds, const std::string& what, const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    if (holds) return;
    std::printf("%s:%d: %s\n", file, line, what.c_str());
    ++failures;
}

// |own - truth| within absolute + relative * |truth|; two NaN are near, and so are equal infinities.
inline void near(double own, double truth, double absolute, double relative, const std::string& what, const char* file = __builtin_FILE(),
                 int line = __builtin_LINE()) {
    if (own == truth || (std::isnan(own) && std::isnan(truth))) return;
    const bool holds = std::fabs(own - truth) <= absolute + relative * std::fabs(truth);
    char numbers[64];
    std::snprintf(numbers, sizeof numbers, ": %.9g and not %.9g", own, truth);
    check(holds, what + numbers, file, line);
}

inline int report(const char* program) {
    std::printf("%s: %s\n", program, failures == 0 ? "all checks hold" : "FAILED");
    return failures == 0 ? 0 : 1;
}

// Numbers in a block of just their size, so that the sanitizer sees the first float beyond it; aligned as the engine's own.
struct Free {
    void operator()(void* p) const { std::free(p); }
};
using Numbers = std::unique_ptr<float[], Free>;

inline Numbers numbers(size_t n) {
    void* p = nullptr;
    if (posix_memalign(&p, 64, n * sizeof(float)) != 0) std::abort();
    float* floats = static_cast<float*>(p);
    for (size_t i = 0; i < n; ++i) floats[i] = 0.0f;
    return Numbers(floats);
}

// Uniform in -1..1, the same every run (Knuth's MMIX generator).
struct Uniform {
    unsigned long long state;
    explicit Uniform(unsigned long long seed) : state(seed) {}

    float operator()() {
        state = state * 6364136223846793005ull + 1442695040888963407ull;
        return static_cast<float>(static_cast<double>(state >> 33) / 1073741824.0 - 1.0);
    }
};

inline Numbers random_numbers(size_t n, unsigned long long seed) {
    Numbers drawn = numbers(n);
    Uniform uniform(seed);
    for (size_t i = 0; i < n; ++i) drawn[i] = uniform();
    return drawn;
}

}  // namespace caviar_tests
