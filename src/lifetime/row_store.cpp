#include "row_store.hpp"

namespace clavis::lifetime {

row_tile row_store::tile(std::size_t begin, std::size_t end, row_tile::buffer& scratch) const {
    std::size_t const n = end - begin;
    auto const part = [&](std::vector<double> const& column) {
        return std::span<double const>(column).subspan(begin, n);
    };
    if (in_columns()) return {part(tx_), part(T_), part(weight_)};

    if (scratch.size() < 3 * tile_rows) scratch.resize(3 * tile_rows);
    double* const tx = scratch.data();
    double* const T = tx + tile_rows;
    double* const weight = T + tile_rows;
    double const inverse = 1.0 / scale_;
    std::uint32_t const* const places = place_.data() + begin;
    for (std::size_t i = 0; i < n; ++i) {
        tx[i] = source_.tx[places[i]] * inverse;
        T[i] = source_.T[places[i]] * inverse;
    }
    if (!count_.empty())
        std::copy_n(count_.begin() + static_cast<std::ptrdiff_t>(begin), n, weight);
    else if (!source_.weights.empty())
        for (std::size_t i = 0; i < n; ++i)
            weight[i] = source_.weights[places[i]];
    else
        std::fill_n(weight, n, 1.0);
    for (auto next = std::lower_bound(repeated_.begin(), repeated_.end(), begin,
                                      [](repeated const& r, std::size_t first) { return r.row < first; });
         next != repeated_.end() && next->row < end; ++next)
        weight[next->row - begin] = next->weight;
    return {{tx, n}, {T, n}, {weight, n}};
}

void row_store::reserve(std::size_t rows) {
    for (auto* column : {&tx_, &T_, &weight_})
        column->reserve(rows);
}

void row_store::own_columns() {
    if (in_columns()) return;
    row_store own(scale_);
    own.reserve(size());
    row_tile::buffer scratch;
    for (std::size_t begin = 0; begin < size(); begin += tile_rows) {
        row_tile const part = tile(begin, std::min(size(), begin + tile_rows), scratch);
        for (std::size_t i = 0; i < part.size(); ++i)
            own.push_back({part.tx[i], part.T[i], part.weight[i]});
    }
    *this = std::move(own);
}

void row_store::divide_by(double scale) {
    scale_ *= scale;
    for (auto* column : {&tx_, &T_})
        for (double& t : *column)
            t /= scale;
}

}  // namespace clavis::lifetime
