/*
 * From the precision that was learned in to the one that serves, and what it costs: on validation,
 * the ten best contents that both rank alike, and NDCG@10 of each.
 */
#ifndef NBA_TRAIN_PRECISION_H
#define NBA_TRAIN_PRECISION_H

#include "nba/train/lstm_learner.h"
#include "nba/train/report.h"
#include "nba/train/trainer.h"

/* Rounds an LSTM to bfloat16 if its options say so.  Figures of the model under the protocols "f32"
 * (NDCG) and "bf16" (NDCG, OVERLAP) join `report`; NULL: nothing is said. */
void nba_precision_round_lstm(const struct nba_learner *learner, const struct nba_dataset *dataset,
                              const struct nba_split *split, struct nba_report *report);

#endif
