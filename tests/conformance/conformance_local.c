/* The suite on the embedded log, in a folder of its own. */
#include "suite.h"

#include "nba/base/file.h"

static char dir[] = "/tmp/nba-conformance-XXXXXX";

static struct nba_stream *open_local(void)
{
    struct nba_stream *stream = NULL;
    assert_ok(
        nba_stream_open_local(dir, NBA_LOCAL_WRITER, &nba_clock_system, NULL, &stream, error));
    return stream;
}

struct suite_home suite_home = {"conformance.local", open_local, 50};

int main(void)
{
    if (mkdtemp(dir) == NULL) {
        return 1;
    }
    const int failed = suite_run();
    const enum nba_status status = nba_file_remove_tree(dir, NULL);
    return failed != 0 || status != NBA_OK;
}
