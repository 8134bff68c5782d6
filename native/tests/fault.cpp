// Writes one number behind its place, for the test that the sanitizers are on.
#include <cstddef>
#include <vector>

int main(int n, char**) {
    std::vector<int> numbers(static_cast<size_t>(n));
    return numbers.data()[n] = 1;
}
