// Philox4x64-10, the counter-based generator of Salmon, Moraes, Dror and Shaw (2011), bit for bit as NumPy has it:
// the block for `counter` is what numpy.random.Philox(counter=..., key=...) returns first, that is, the block of counter + 1.
// Here c0 is the word that NumPy counts up; carries into c1 do not happen (c0 stays far below 2^64).
#pragma once
#include <cstdint>

namespace caviar {

struct Key {
    uint64_t k0, k1;
};

// n blocks of four words: those of the counters c0, c0 + 1, ..., one after the other. Their rounds go side by side, so that the
// multiplications of one hide the latency of the other's. Static, as each level compiles its own: the linker must not mix them.
template <int n>
static inline void philox(Key key, uint64_t c0, uint64_t c1, uint64_t c2, uint64_t c3, uint64_t* words) {
    using u128 = unsigned __int128;
    uint64_t c[n][4];
#pragma GCC unroll 4
    for (int i = 0; i < n; ++i) {  // unrolled at every level of optimisation: c is to be in registers
        c[i][0] = c0 + 1 + static_cast<uint64_t>(i);
        c[i][1] = c1;
        c[i][2] = c2;
        c[i][3] = c3;
    }
    for (int round = 0; round < 10; ++round) {
#pragma GCC unroll 4
        for (int i = 0; i < n; ++i) {
            const u128 p0 = static_cast<u128>(0xD2E7470EE14C6C93ull) * c[i][0];
            const u128 p1 = static_cast<u128>(0xCA5A826395121157ull) * c[i][2];
            c[i][0] = static_cast<uint64_t>(p1 >> 64) ^ c[i][1] ^ key.k0;
            c[i][1] = static_cast<uint64_t>(p1);
            c[i][2] = static_cast<uint64_t>(p0 >> 64) ^ c[i][3] ^ key.k1;
            c[i][3] = static_cast<uint64_t>(p0);
        }
        key.k0 += 0x9E3779B97F4A7C15ull;
        key.k1 += 0xBB67AE8584CAA73Bull;
    }
#pragma GCC unroll 4
    for (int i = 0; i < n; ++i)
#pragma GCC unroll 4
        for (int word = 0; word < 4; ++word) words[4 * i + word] = c[i][word];
}

// The order in which epoch `epoch` visits m rows: Fisher-Yates as caviar.data.batches.epoch_order has it.
static inline void epoch_order(Key key, uint64_t epoch, uint32_t m, uint32_t* order) {
    for (uint32_t i = 0; i < m; ++i) order[i] = i;
    if (m < 2) return;
    uint64_t words[8];  // two blocks of the generator: word i % 4 of block i / 4 is for place i
    uint32_t pair = ~0u;
    for (uint32_t i = m - 1; i >= 1; --i) {
        if (i / 8 != pair) {
            pair = i / 8;
            philox<2>(key, 2 * static_cast<uint64_t>(pair), 0, 0, epoch, words);
        }
        const uint32_t j = static_cast<uint32_t>(((words[i % 8] >> 32) * (i + 1ull)) >> 32);
        const uint32_t swap = order[i];
        order[i] = order[j];
        order[j] = swap;
    }
}

}  // namespace caviar
