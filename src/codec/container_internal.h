/* What both directions of a container file share. */
#ifndef NBA_CODEC_CONTAINER_INTERNAL_H
#define NBA_CODEC_CONTAINER_INTERNAL_H

#define NBA_CONTAINER_MAGIC       "Obj\1"
#define NBA_CONTAINER_MAGIC_BYTES 4u
#define NBA_CONTAINER_SYNC_BYTES  16u
/* Raw deflate, without zlib's head and checksum, as Avro wants it. */
#define NBA_CONTAINER_WINDOW_BITS (-15)

#endif
