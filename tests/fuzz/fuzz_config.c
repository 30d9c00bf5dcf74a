/*
 * Any bytes as a configuration file.
 *
 * Nothing may crash or hang; a refusal carries a message that starts with the file's name; what is
 * accepted passes nba_config_check and can be written out.
 */
#include "fuzz_driver.h"

#include <string.h>

#include "nba/base/assert.h"
#include "nba/config/config.h"
#include "nba/config/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct nba_str bytes = nba_str((const char *)data, size);
    struct nba_config config;
    struct nba_error error = {0};
    if (nba_config_parse("f.yaml", bytes, &config, &error) != NBA_OK) {
        NBA_ASSERT(strncmp(error.message, "f.yaml", 6) == 0);
        return 0;
    }
    struct nba_buf buf;
    nba_buf_init(&buf, (size_t)4 * 1024 * 1024);
    NBA_ASSERT(nba_config_check(&config, &error) == NBA_OK);
    nba_config_write_effective(&config, &buf);
    NBA_ASSERT(!buf.failed);
    nba_buf_clear(&buf);
    nba_config_clear(&config);
    return 0;
}
