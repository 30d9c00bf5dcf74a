/* xxHash and libcrypto stay behind this file; FNV, fmix64 and murmur2 are a few lines each. */
#include "nba/base/hash.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>
#define XXH_STATIC_LINKING_ONLY /* the size of XXH64_state_t: no allocation an event */
#include <xxhash.h>

#include "nba/base/assert.h"

uint64_t nba_xxh64(const void *data, size_t bytes)
{
    return XXH64(data, bytes, 0);
}

uint32_t nba_content_hash(struct nba_str content_id)
{
    return (uint32_t)(nba_xxh64(content_id.data, content_id.bytes) >> 32);
}

uint64_t nba_event_hash(struct nba_str source, struct nba_str event_id)
{
    XXH64_state_t state;
    (void)XXH64_reset(&state, 0);
    (void)XXH64_update(&state, source.data, source.bytes);
    (void)XXH64_update(&state, "", 1);
    (void)XXH64_update(&state, event_id.data, event_id.bytes);
    return XXH64_digest(&state);
}

uint64_t nba_assignment_hash(struct nba_str text)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < text.bytes; i++) {
        h = (h ^ (unsigned char)text.data[i]) * 0x100000001b3u;
    }
    h = (h ^ (h >> 33)) * 0xff51afd7ed558ccdu;
    h = (h ^ (h >> 33)) * 0xc4ceb9fe1a85ec53u;
    return h ^ (h >> 33);
}

uint32_t nba_murmur2(const void *data, size_t bytes)
{
    const unsigned char *p = data;
    const uint32_t m = 0x5bd1e995u;
    uint32_t h = 0x9747b28cu ^ (uint32_t)bytes;
    size_t left = bytes;
    while (left >= 4) {
        uint32_t k = 0;
        memcpy(&k, p, sizeof(k)); /* little-endian, as we are */
        k *= m;
        k ^= k >> 24;
        k *= m;
        h = h * m ^ k;
        p += 4;
        left -= 4;
    }
    if (left > 0) {
        for (size_t i = 0; i < left; i++) {
            h ^= (uint32_t)p[i] << (8 * i);
        }
        h *= m;
    }
    h ^= h >> 13;
    h *= m;
    return h ^ h >> 15;
}

int32_t nba_partition_of_key(struct nba_str key, int32_t partition_count)
{
    NBA_ASSERT(partition_count > 0);
    return (int32_t)((nba_murmur2(key.data, key.bytes) & 0x7fffffffu) % (uint32_t)partition_count);
}

/* A running digest is libcrypto's own under our name. */
static EVP_MD_CTX *context_of(struct nba_sha256 *sha)
{
    return (EVP_MD_CTX *)sha;
}

struct nba_sha256 *nba_sha256_create(void)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    NBA_ASSERT(context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1);
    return (struct nba_sha256 *)context;
}

void nba_sha256_update(struct nba_sha256 *sha, const void *data, size_t bytes)
{
    NBA_ASSERT(EVP_DigestUpdate(context_of(sha), data, bytes) == 1);
}

void nba_sha256_update_sized(struct nba_sha256 *sha, struct nba_str bytes)
{
    const uint32_t length = (uint32_t)bytes.bytes; /* little-endian, as we are */
    nba_sha256_update(sha, &length, sizeof(length));
    nba_sha256_update(sha, bytes.data, bytes.bytes);
}

void nba_sha256_finish(struct nba_sha256 *sha, char ret_text[NBA_SHA256_TEXT_BYTES])
{
    unsigned char digest[NBA_SHA256_BYTES];
    NBA_ASSERT(EVP_DigestFinal_ex(context_of(sha), digest, NULL) == 1);
    NBA_ASSERT(EVP_DigestInit_ex(context_of(sha), EVP_sha256(), NULL) == 1);
    for (size_t i = 0; i < NBA_SHA256_BYTES; i++) {
        ret_text[2 * i] = "0123456789abcdef"[digest[i] >> 4];
        ret_text[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
    }
    ret_text[NBA_SHA256_TEXT_BYTES - 1] = '\0';
}

void nba_sha256_destroy(struct nba_sha256 *sha)
{
    EVP_MD_CTX_free(context_of(sha));
}

void nba_hmac_sha256(struct nba_str secret, struct nba_str text, char ret_mac[NBA_SHA256_BYTES])
{
    const unsigned char *mac =
        HMAC(EVP_sha256(), secret.data, (int)secret.bytes, (const unsigned char *)text.data,
             text.bytes, (unsigned char *)ret_mac, NULL);
    NBA_ASSERT(mac != NULL);
}

void nba_sha256_text(const void *data, size_t bytes, char ret_text[NBA_SHA256_TEXT_BYTES])
{
    struct nba_sha256 *sha = nba_sha256_create();
    nba_sha256_update(sha, data, bytes);
    nba_sha256_finish(sha, ret_text);
    nba_sha256_destroy(sha);
}
