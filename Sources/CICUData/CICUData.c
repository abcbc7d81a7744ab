#include <stdint.h>

// Foundation brings ICU along, and ICU its data: names of languages, calendars, currencies and time zones, 34 MB, a third of a
// program that has Foundation in it. Nothing here is localised: there is no DateFormatter and no NumberFormatter, which trap
// without it; what else of Foundation is used does as ever.
//
// This is what ICU itself calls stub data: a table of contents with nothing in it, with which what needs data says
// U_MISSING_RESOURCE_ERROR. Since it is defined here, the linker does not take it from Foundation's archive. ICU's version is in
// the name: with another one, the program grows by the data, and works. (ICU: source/stubdata/stubdata.cpp)
__attribute__((visibility("hidden"), aligned(16))) const struct {
    uint16_t headerOctets;
    uint8_t magic[2];
    // UDataInfo
    uint16_t infoOctets;
    uint16_t reserved;
    uint8_t isBigEndian, charsetFamily, sizeofUChar, reservedByte;
    uint8_t dataFormat[4], formatVersion[4], dataVersion[4];
    uint8_t padding[8];
    // The table of contents.
    uint32_t count;
    uint32_t reservedWord;
    int32_t nothing[4];
} icudt76_dat = {
    .headerOctets = 32,
    .magic = {0xDA, 0x27},
    .infoOctets = 20,
    .isBigEndian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__,
    .sizeofUChar = 2,
    .dataFormat = {'T', 'o', 'C', 'P'},
    .formatVersion = {1},
};
