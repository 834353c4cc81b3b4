// TFRecord framing, as TensorBoard reads it: u64 length · u32 masked CRC of the length · payload · u32 masked
// CRC of the payload, all little-endian. The CRC is CRC-32C (Castagnoli, RFC 3720 appendix B.4).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace keel {

uint32_t crc32c(std::string_view bytes);
uint32_t masked_crc32c(
    std::string_view bytes);  // rotated by 15 and offset, so that a CRC of CRCs stays sound

std::string frame_record(std::string_view payload);

}  // namespace keel
