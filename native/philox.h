// Philox4x64-10, the counter-based generator of Salmon, Moraes, Dror and Shaw (2011), bit for bit as NumPy has it:
// the block for `counter` is what numpy.random.Philox(counter=..., key=...) returns first, that is, the block of counter + 1.
// Here c0 is the word that NumPy counts up; carries into c1 do not happen (c0 stays far below 2^64).
#pragma once
#include <cstdint>

namespace caviar {

struct Key {
    uint64_t k0, k1;
};

struct Block {
    uint64_t v[4];
};

inline Block philox(Key key, uint64_t c0, uint64_t c1, uint64_t c2, uint64_t c3) {
    using u128 = unsigned __int128;
    c0 += 1;
    for (int round = 0; round < 10; ++round) {
        const u128 p0 = static_cast<u128>(0xD2E7470EE14C6C93ull) * c0;
        const u128 p1 = static_cast<u128>(0xCA5A826395121157ull) * c2;
        const uint64_t n0 = static_cast<uint64_t>(p1 >> 64) ^ c1 ^ key.k0;
        const uint64_t n2 = static_cast<uint64_t>(p0 >> 64) ^ c3 ^ key.k1;
        c1 = static_cast<uint64_t>(p1);
        c3 = static_cast<uint64_t>(p0);
        c0 = n0;
        c2 = n2;
        key.k0 += 0x9E3779B97F4A7C15ull;
        key.k1 += 0xBB67AE8584CAA73Bull;
    }
    return {{c0, c1, c2, c3}};
}

// The order in which epoch `epoch` visits m rows: Fisher-Yates as caviar.data.batches.epoch_order has it.
inline void epoch_order(Key key, uint64_t epoch, uint32_t m, uint32_t* order) {
    for (uint32_t i = 0; i < m; ++i) order[i] = i;
    if (m < 2) return;
    uint64_t block = ~0ull;
    Block random{};
    for (uint32_t i = m - 1; i >= 1; --i) {
        if (i / 4 != block) {
            block = i / 4;
            random = philox(key, block, 0, 0, epoch);
        }
        const uint32_t j = static_cast<uint32_t>(((random.v[i % 4] >> 32) * (i + 1ull)) >> 32);
        const uint32_t swap = order[i];
        order[i] = order[j];
        order[j] = swap;
    }
}

}  // namespace caviar
