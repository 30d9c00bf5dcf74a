/*
 * Readers of the public data sets that models are compared on, from a folder given at run time
 * (NBA_DATA).  Nothing of them is ever part of this repository or of a release.
 *
 *   ml-100k        ml-100k.inter: user, item, rating, time (MovieLens 100K, recbole's layout);
 *                  every rating is an engagement, ordered by (time, place in the file)
 *   ml-1m-ncf      train.txt, test.rating, test.negative (He et al., WWW 2017): no order, a fixed
 *                  test content and 99 fixed negatives a user
 *   ml-1m-sasrec   sequences.txt: "user item item ..." in time order (Kang, McAuley, ICDM 2018)
 *   hcp-a          events.csv.gz or events.csv, hcps.csv, contents.csv: synthetic engagements;
 *                  engaged and converted are engagements, ignored is a refusal
 *   amazon-toys    Toys_and_Games.txt: as ml-1m-sasrec (Zhou et al., S3-Rec, CIKM 2020); what is
 *                  published on it learned no validation before the test (train_only)
 *   amazon-video-games  Video.txt: "user item", in time order (Kang, McAuley, ICDM 2018); more
 *                  contents than serve, so that only what counts (nba/train/item_item.h) learns it
 *   asset-clickstream   submissions.csv, bu_mapping.csv: who filled in which asset's form, the
 *                  asset's type and business unit; no times, and how often is not used
 *
 * A malformed line is NBA_E_CORRUPT with file and line.
 */
#ifndef NBA_TRAIN_DATASET_FILES_H
#define NBA_TRAIN_DATASET_FILES_H

#include "nba/train/dataset.h"

#define NBA_DATASET_NAMES                                                 \
    "ml-100k, ml-1m-ncf, ml-1m-sasrec, hcp-a, hcp-seed000, amazon-toys, " \
    "amazon-video-games, asset-clickstream"

/* The LSTM's dropout that this set needs, chosen on its validation part; 0: the default does. */
double nba_dataset_lstm_dropout(const char *name);

/* `folder` holds one subfolder a data set; `name` is one of the above (kept as pointer).
 * NBA_E_USAGE for another name, NBA_E_NOT_FOUND with the missing path. */
NBA_MUST_USE
enum nba_status nba_dataset_load(const char *folder, const char *name,
                                 struct nba_dataset **ret_dataset, struct nba_error *error);

#endif
