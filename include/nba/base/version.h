/* The version of this program: in every output, in --version and in releases. */
#ifndef NBA_BASE_VERSION_H
#define NBA_BASE_VERSION_H

#define NBA_ENGINE_VERSION "0.1.0"

#endif
