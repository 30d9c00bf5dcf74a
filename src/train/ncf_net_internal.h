/* The net's insides. */
#ifndef NBA_TRAIN_NCF_NET_INTERNAL_H
#define NBA_TRAIN_NCF_NET_INTERNAL_H

#include "nba/train/ncf_net.h"

struct nba_ncf_net {
    struct nba_ncf_net_shape shape;
    struct nba_ncf_net_options options;
    struct nba_parameter item_gmf, item_mlp; /* (N, D) */
    struct nba_parameter history;            /* (N, 2 D) folded */
    struct nba_parameter prior;              /* (G, 2 D) folded */
    struct nba_parameter user;               /* (users, 2 D) trained */
    struct nba_parameter w1, b1, w2, b2, w3, b3, w_out, b_out;
    struct nba_parameter *parameters[NBA_NCF_NET_PARAMETERS_MAX];
    size_t parameter_count;
    uint32_t *items;                    /* (S) */
    float *user_gmf, *user_mlp;         /* (C, D) */
    float *d_user_gmf, *d_user_mlp;     /* (C, D) */
    float *user_half, *d_user_half;     /* (C, M1) W1 user part times p_mlp */
    float *q_mlp, *d_q_mlp;             /* (S, D) */
    float *a1, *d1, *a2, *d2, *a3, *d3; /* (S, M1), (S, M2), (S, M3) */
    float *logits;                      /* (S) then their gradients */
    float *item_half;                   /* (N, M1) b1 + W1 item part times q_mlp, for scoring */
    float *work;                        /* (4 D) */
    uint8_t *mask_1, *mask_2;
};

#endif
